"""Labels on samples: order, types, and what is no metric."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from ome.cli.sides.relabel import relabelled

ADDED = {"service_name": "chat", "revision_name": "chat-00001"}
TEXTS = st.text('ab"\\\n{},= ', max_size=6)
TAIL = 'service_name="chat",revision_name="chat-00001"'


def test_labels_are_appended_in_order() -> None:
    text = (
        "# HELP requests Requests so far.\n# TYPE requests counter\n"
        'requests{code="200",path="/a \\"b\\" {c}"} 3 1700000000000\nrequests 4\n'
    )
    assert relabelled(text, ADDED) == (
        "# HELP requests Requests so far.\n# TYPE requests counter\n"
        f'requests{{code="200",path="/a \\"b\\" {{c}}",{TAIL}}} 3 1700000000000\n'
        f"requests{{{TAIL}}} 4\n",
        [],
    )


def test_bounds_stay_last() -> None:
    text = (
        '# TYPE wait histogram\nwait_bucket{le="0.1",m="x"} 1\nwait_bucket{le="+Inf",m="x"} 2\n'
        'wait_sum{m="x"} 0.3\nwait_count{m="x"} 2\n'
        '# TYPE size summary\nsize{quantile="0.5"} 7\n'
    )
    written, dropped = relabelled(text, ADDED)
    assert dropped == []
    assert f'wait_bucket{{m="x",{TAIL},le="+Inf"}} 2\n' in written
    assert f'size{{{TAIL},quantile="0.5"}} 7\n' in written
    assert written.count("# TYPE wait histogram\n") == 1


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a_created", "counter"), ("a_total", "gauge"), ("a", None), ("a_bucket", None)],
)
@pytest.mark.parametrize("declared", ["", "# TYPE {name} untyped\n"])
def test_families_without_a_type(name: str, kind: str | None, declared: str) -> None:
    written, dropped = relabelled(f"{declared.format(name=name)}{name} 1\n{name} 2\n", {})
    if kind is None:
        assert (written, dropped) == ("", [name])
    else:
        assert written.startswith(f"# TYPE {name} {kind}\n{name}{{}} 1\n")


@pytest.mark.parametrize("line", ["<html>", "ok{b=1} 2", 'a{b="1"', "a", "1a 2", 'a{b="c"} '])
def test_a_line_that_is_no_sample(line: str) -> None:
    with pytest.raises(ValueError, match=r"is no sample|are no labels"):
        relabelled(f"# TYPE ok counter\nok 1\n{line}\n", {})


@given(TEXTS, TEXTS)
def test_what_a_library_writes_is_read_back_with_the_labels(value: str, added: str) -> None:
    registry = CollectorRegistry()
    Gauge("depth", "Depth.", ["of"], registry=registry).labels(value).set(2)
    Histogram("wait", "Wait.", ["of"], registry=registry).labels(value).observe(1)
    text = generate_latest(registry).decode()
    written, dropped = relabelled(text, {"by": added})
    assert [name for name in dropped if not name.endswith("_created")] == []
    before = [s for f in text_string_to_metric_families(text) for s in f.samples]
    after = [s for f in text_string_to_metric_families(written) for s in f.samples]
    assert [(s.name, {**s.labels, "by": added}, s.value) for s in before] == [
        (s.name, s.labels, s.value) for s in after
    ]
