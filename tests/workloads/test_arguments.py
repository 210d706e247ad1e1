"""Overrides of arguments, rule by rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.workloads.arguments import merge_arguments, set_number

TP = ("--tp-size", "--tp", "--tensor-parallel-size")


@pytest.mark.parametrize(
    ("args", "override", "expected"),
    [
        (["--tp-size=4", "--port=8080"], ["--tp-size=8"], ["--tp-size=8", "--port=8080"]),
        (
            ["--tp-size", "4", "--port", "8080"],
            ["--tp-size", "8"],
            ["--tp-size", "8", "--port", "8080"],
        ),
        (
            ["--tp-size=4", "--port", "8080"],
            ["--tp-size=8", "--host=0.0.0.0"],
            ["--tp-size=8", "--port", "8080", "--host=0.0.0.0"],
        ),
        (
            ["python3", "-m", "server", "--port=8080"],
            ["--debug"],
            ["python3", "-m", "server", "--port=8080", "--debug"],
        ),
        (["python3 -m server"], ["--debug"], ["python3 -m server", "--debug"]),
        ([], ["--tp-size=4"], ["--tp-size=4"]),
        ([], [" --as is "], [" --as is "]),
        ([" --as=is "], [], [" --as=is "]),
        (["--a=1", "--b", "--a=2"], ["--c"], ["--a=1", "--b", "--a=2", "--c"]),
        (["--a=1", "--b", "--a=2"], ["--a=3"], ["--a=3", "--b"]),
        (["--lora=x"], ["--lora=a", "--lora=b"], ["--lora=a", "--lora=b"]),
        (["--A=1"], ["--a=2"], ["--A=1", "--a=2"]),
        ([" --a=1 ", ""], ["--b"], ["--a=1", "--b"]),
    ],
)
def test_an_override_takes_the_place_of_its_flag(
    args: list[str], override: list[str], expected: list[str]
) -> None:
    assert merge_arguments(args, override) == expected


def test_a_text_of_lines_stays_one() -> None:
    text = "python3 -m server \\\n  --tp-size 4 \\\n  --port=8080\n"
    merged = merge_arguments([text], ["--tp-size 8", "--debug"])
    assert merged == ["python3 -m server \\\n--tp-size 8 \\\n--port=8080 \\\n--debug"]


@given(
    st.lists(st.sampled_from(["--a", "--a=1", "--b", "-c", "--d=2"]), max_size=6),
    st.lists(st.sampled_from(["--a=9", "--e", "--b"]), max_size=3),
)
def test_merging_twice_changes_nothing_more(args: list[str], override: list[str]) -> None:
    once = merge_arguments(args, override)
    assert merge_arguments(once, override) == once or not args


@pytest.mark.parametrize(
    ("args", "command", "args_after", "command_after"),
    [
        (["--tp-size", "4"], [], ["--tp-size", "2"], []),
        (["--tp=4"], [], ["--tp=2"], []),
        (["--tp=4", "--tp-size=8"], [], ["--tp=4", "--tp-size=2"], []),
        (["--tensor-parallel-size", "$(N)"], [], ["--tensor-parallel-size", "2"], []),
        (["--tp"], [], ["--tp"], []),
        ([], ["serve", "--tp", "4"], [], ["serve", "--tp", "2"]),
        (["--tp=4"], ["serve", "--tp=4"], ["--tp=2"], ["serve", "--tp=4"]),
        (["python3 -m server --tp-size 4"], [], ["python3 -m server --tp-size 2"], []),
        (
            [],
            ["sh", "-c", "serve --tp=$(N); sleep 1"],
            [],
            ["sh", "-c", "serve --tp=2; sleep 1"],
        ),
        (["x \\\n--tp-size 4 \\\n--port 1"], [], ["x \\\n--tp-size=2 \\\n--port 1"], []),
        (["--my--tp=4", "serve --no-tp 4"], [], ["--my--tp=4", "serve --no-tp 4"], []),
        (["serve --tp --port 1"], [], ["serve --tp --port 1"], []),
        ([], [], [], []),
    ],
)
def test_a_size_is_set_where_the_program_is_told(
    args: list[str], command: list[str], args_after: list[str], command_after: list[str]
) -> None:
    assert set_number(args, command, TP, 2) == (args_after, command_after)
