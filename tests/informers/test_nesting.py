"""An object that is nested deeper than a decoder follows costs nobody but itself."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.controllers.decode import KindDecoder, Unreadable
from ome.informers.decoding import Decoder, Undecodable
from ome.informers.nesting import CUT, TOO_DEEP, shallow
from ome.informers.projection import PartialMetadata, WholeObject
from ome.kube.resource import Resource

WEIGHTS = Resource("ome.io", "v1beta1", "FineTunedWeight", "finetunedweights", namespaced=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)


def weight(name: str, levels: int) -> bytes:
    deep = '{"a":' * levels + "1" + "}" * levels
    fields = '{"f:a":' * levels + "{}" + "}" * levels
    held = f'{{"name":"{name}","resourceVersion":"7","managedFields":[{{"fieldsV1":{fields}}}]}}'
    return f'{{"spec":{{"hyperParameters":{deep}}},"metadata":{held}}}'.encode()


@pytest.mark.parametrize("projection", [WholeObject, PartialMetadata])
@pytest.mark.parametrize("levels", [1100, 9000])
def test_its_neighbours_are_listed(
    projection: type[WholeObject | PartialMetadata], levels: int
) -> None:
    decoder = Decoder(projection, WEIGHTS)
    items = b",".join([weight("a", 3), weight("deep", levels), weight("b", 3)])
    page = decoder.page(b'{"metadata":{"resourceVersion":"9"},"items":[%b]}' % items)
    assert page.version == "9"
    first, bad, last = (decoder.item(item) for item in page.items)
    assert (first.metadata.name, last.metadata.name) == ("a", "b")
    assert not isinstance(first, Undecodable)
    assert isinstance(bad, Undecodable)
    assert (bad.metadata.name, bad.why) == ("deep", TOO_DEEP)


def test_the_watch_goes_on_after_it() -> None:
    decoder = Decoder(WholeObject, WEIGHTS)
    bad = decoder.line(b'{"type":"MODIFIED","object":%b}' % weight("deep", 5000))
    assert isinstance(bad, Undecodable)
    assert (bad.type, bad.metadata.name) == ("MODIFIED", "deep")
    assert bad.metadata.resource_version == "7"


def test_one_that_only_its_reader_cannot_follow_is_unreadable() -> None:
    class Stored(WholeObject, frozen=True):
        def document(self) -> dict[str, object]:
            raise RecursionError

    from ome.api import FineTunedWeight
    from ome.informers.projection import Metadata

    with pytest.raises(Unreadable, match="FineTunedWeight w: it is nested too deeply"):
        KindDecoder()(FineTunedWeight, Stored(Metadata("w")))


@given(JSON)
def test_what_is_not_deep_is_as_it_was(value: object) -> None:
    text = json.dumps(value).encode()
    assert shallow(text) == text


def test_only_what_is_deep_is_cut() -> None:
    text = b'{"a":%b,"b":"[{","c":[1]}' % (b"[" * 300 + b'"]\\""' + b"]" * 300)
    cut = shallow(text)
    assert cut == text.replace(b"[" * 102 + b'"]\\""' + b"]" * 102, CUT)
    assert json.loads(cut)["c"] == [1]
