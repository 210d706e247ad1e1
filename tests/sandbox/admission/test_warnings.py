"""Limits on warnings, as measured on kube-apiserver v1.36.3."""

from __future__ import annotations

from ome.sandbox.admission import limited


def test_short_ones_stay_whole() -> None:
    texts = ["one", "", "one", "tw\no", "ü" * 300, 'quo"te']
    assert limited(texts) == ["one", "ü" * 300, 'quo"te']


def test_up_to_the_limit_nothing_is_cut() -> None:
    assert limited(["a" * 4096]) == ["a" * 4096]
    assert limited(["a" * 4096, "b"]) == ["a" * 256, "b"]


def test_many_long_ones_are_cut_and_then_left_out() -> None:
    texts = ["a" * 3000, "b" * 3000, *(str(number) * 300 for number in range(10, 40))]
    kept = limited(texts)
    assert [text[:2] for text in kept] == ["aa", "bb", *map(str, range(10, 24))]
    assert {len(text) for text in kept} == {256}
