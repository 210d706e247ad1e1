from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.informers.decoding import Change, Decoder
from ome.informers.merging import ProjectionError
from ome.informers.packing import pack, unpack
from ome.informers.projection import Metadata, WholeObject, merge_projections
from ome.kube.resources import CONFIGMAPS

values = st.one_of(
    st.text(max_size=3000), st.integers(), st.booleans(), st.none(), st.lists(st.text(), max_size=9)
)


@given(st.one_of(values, st.dictionaries(st.text(max_size=20), values)))
def test_what_is_packed_comes_back(value: object) -> None:
    raw = msgspec.Raw(json.dumps(value).encode())
    packed = pack(raw)
    assert bytes(unpack(packed)) == bytes(raw)
    assert pack(raw) == packed


def test_large_data_takes_little_and_a_document_has_all_of_it() -> None:
    data = {f"key-{number}": '{"status":"Ready"}' for number in range(200)}
    document = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "namespace": "n", "resourceVersion": "1", "uid": "u"},
        "data": data,
        "binaryData": {"b": "AAAA"},
    }
    line = json.dumps({"type": "ADDED", "object": document}).encode()
    change = Decoder(WholeObject, CONFIGMAPS).line(line)
    assert isinstance(change, Change)
    assert len(bytes(change.object.data)) < len(line) / 4
    assert change.object.document() == document
    assert change.object.document() == document, "reading changes nothing"


def test_a_reader_that_expects_plain_text_is_told_so() -> None:
    class Plain(msgspec.Struct, frozen=True):
        metadata: Metadata
        data: msgspec.Raw = msgspec.Raw()

    with pytest.raises(ProjectionError, match="data"):
        merge_projections(WholeObject, Plain)
