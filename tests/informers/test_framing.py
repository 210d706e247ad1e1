from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.informers.framing import Lines, LineTooLong


@given(
    lines=st.lists(st.binary(max_size=20).map(lambda b: b.replace(b"\n", b"x"))),
    cuts=st.lists(st.integers(0, 400)),
)
def test_any_cutting_gives_the_same_lines(lines: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    reader = Lines()
    got = [
        line for start, end in itertools.pairwise(edges) for line in reader.feed(stream[start:end])
    ]
    assert got == [line for line in lines if line.strip()]


def test_an_unfinished_line_is_kept_back() -> None:
    reader = Lines()
    assert list(reader.feed(b'{"a"')) == []
    assert list(reader.feed(b":1}")) == []
    assert list(reader.feed(b"\r\n\n{")) == [b'{"a":1}\r']
    assert list(reader.feed(b"}\n")) == [b"{}"]


def test_a_reader_that_stops_early_loses_no_unfinished_line() -> None:
    reader = Lines()
    for line in reader.feed(b"one\ntwo\nthr"):
        assert line == b"one"
        break
    assert list(reader.feed(b"ee\n")) == [b"three"]


def test_an_endless_line_is_refused() -> None:
    reader = Lines(limit=10)
    assert list(reader.feed(b"12345678")) == []
    with pytest.raises(LineTooLong, match="more than 10 bytes"):
        list(reader.feed(b"9012"))


def test_large_lines_in_small_pieces_cost_little() -> None:
    reader = Lines()
    piece = b"x" * 1024
    got: list[bytes] = []
    for _ in range(20_000):  # 20 MB: quadratic copying would take minutes
        got += reader.feed(piece)
    got += reader.feed(b"\n")
    assert [len(line) for line in got] == [20_000 * 1024]
