"""Scores: the example table, which entries count, and who lends the accelerator's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ome.selection import entry_score, pick_entry, runtime_score
from tests.selection.support import entry, model, spec

if TYPE_CHECKING:
    from ome.api import BaseModelSpec, SupportedModelFormat

Json = dict[str, Any]


def f(weight: int | None = None, name: str = "pytorch", **fields: Any) -> Json:
    held = {} if weight is None else {"weight": weight}
    return {"name": name, **held, **fields}


def score(wanted: BaseModelSpec, *entries: SupportedModelFormat) -> int:
    found = runtime_score(spec(*entries), wanted)
    return 0 if found is None else found.total


BOTH = model("pytorch", framework="transformers")


@pytest.mark.parametrize(
    ("entries", "wanted", "expected"),
    [
        (
            [
                entry(
                    f(10, version="2.0.0"),
                    framework=f(5, "transformers", version="4.0.0"),
                    priority=3,
                )
            ],
            model(f(version="2.0.0"), framework=f(name="transformers", version="4.0.0")),
            45,
        ),
        ([entry(f(8), framework=f(4, "x"))], model("pytorch", framework="y"), 0),
        (
            [
                entry(f(5), framework=f(8, "transformers"), priority=1),
                entry(f(10), framework=f(8, "transformers"), priority=2),
            ],
            BOTH,
            36,
        ),
        ([entry(f(12))], model("pytorch"), 12),
        ([entry(f(10), framework=f(5, "transformers"))], model("pytorch"), 0),
        ([entry(f(10), autoSelect=False)], model("pytorch"), 0),
        ([entry(f(10), autoSelect=None)], model("pytorch"), 0),
        ([entry(f(), framework=f(name="transformers"), priority=4)], BOTH, 8),
        ([entry(f(0), framework=f(0, "transformers"))], BOTH, 15),
        ([entry(f(3), framework=f(-5, "transformers"))], BOTH, -2),
        ([], BOTH, 0),
    ],
)
def test_the_examples(
    entries: list[SupportedModelFormat], wanted: BaseModelSpec, expected: int
) -> None:
    assert score(wanted, *entries) == expected


def test_an_absent_priority_ties_with_one() -> None:
    wanted = model("pytorch")
    assert score(wanted, entry(f(7))) == score(wanted, entry(f(7), priority=1)) == 7


def test_large_weights_do_not_wrap() -> None:
    assert score(model("pytorch"), entry(f(2**62), priority=2**31 - 1)) == 2**62 * (2**31 - 1)


@pytest.mark.parametrize(
    ("wanted", "given", "expected"),
    [
        (entry(f(6, name="other")), model("pytorch"), 0),
        (entry(f(6, version="1.0.0")), model(f(version="2.0.0")), 0),
        (entry(f(6, version="1.0.0")), model("pytorch"), 6),
        (entry(f(6)), model(f(version="2.0.0")), 6),
        (entry(None), model("pytorch"), 0),
        (entry(f(6)), model(None), 0),
        (entry(f(6)), BOTH, 0),
        (
            entry(f(6), framework=f(2, "transformers", version="4.0.0")),
            model("pytorch", framework=f(name="transformers", version="5.0.0")),
            0,
        ),
        (
            entry(f(6), framework=f(2, "transformers", version="5.0.0", operator="GreaterThan")),
            model("pytorch", framework=f(name="transformers", version="4.0.0")),
            8,
        ),
    ],
)
def test_an_entry_is_scored_by_format_and_framework(
    wanted: SupportedModelFormat, given: BaseModelSpec, expected: int
) -> None:
    assert entry_score(wanted, given, 1).total == expected


def test_an_entry_that_does_not_match_lends_nothing() -> None:
    wanted = model("pytorch", modelArchitecture="A")
    other = entry(f(50), modelArchitecture="B", priority=9)
    assert score(wanted, entry(f(2), modelArchitecture="A"), other) == 2
    quiet = entry(f(2), modelArchitecture="A", autoSelect=False)
    assert runtime_score(spec(quiet, other), wanted) is None


# Which entry supplies the accelerator configuration.


def test_the_best_entry_is_picked_without_its_priority() -> None:
    entries = entry(f(5), priority=99), entry(f(6)), entry(f(6), name="later")
    picked = pick_entry(spec(*entries), model("pytorch"), named=False)
    assert picked == entries[1]


def test_a_named_runtime_may_use_an_entry_without_auto_select() -> None:
    quiet = entry(f(9), autoSelect=False)
    runtime = spec(quiet, entry(f(5)))
    assert pick_entry(runtime, model("pytorch"), named=True) == quiet
    assert pick_entry(runtime, model("pytorch"), named=False) == entry(f(5))


def test_no_entry_is_picked_without_match_or_score() -> None:
    wanted = model("pytorch", modelArchitecture="A")
    unfit = [entry(f(5), modelArchitecture="B"), entry(f(-1), modelArchitecture="A")]
    assert pick_entry(spec(*unfit), wanted, named=True) is None
    assert pick_entry(spec(), wanted, named=True) is None
