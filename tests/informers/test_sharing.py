from __future__ import annotations

import msgspec

from ome.informers.projection import Metadata
from ome.informers.sharing import Sharing


class Map(msgspec.Struct, frozen=True):
    metadata: Metadata
    data: dict[str, str] = {}
    sizes: dict[str, int] = {}


def decoded(text: str) -> Map:
    body = {"metadata": {"name": "a"}, "data": {"a model": text}, "sizes": {"x": 1}}
    return msgspec.json.decode(msgspec.json.encode(body), type=Map)


def test_equal_strings_become_one_and_objects_stay_equal() -> None:
    sharing = Sharing(Map)
    one, other, third = decoded("a long text"), decoded("a long text"), decoded("another")
    for obj in (one, other, third):
        before = msgspec.structs.asdict(obj)
        sharing.share(obj)
        assert msgspec.structs.asdict(obj) == before
    assert one.data["a model"] is other.data["a model"]
    assert next(iter(one.data)) is next(iter(third.data))


def test_a_list_in_which_all_differ_is_not_held_twice() -> None:
    sharing = Sharing(Map)
    for number in range(20_000):
        sharing.share(decoded(f"text {number}"))
    assert len(sharing._strings) <= 8200
