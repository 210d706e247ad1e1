"""Values that a schema takes and that nobody would write: what an API server lets through."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.api.schemas import INT_OR_STRING, KEEP, errors

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["JSONS", "LABELS", "TEXTS", "URIS", "value"]

NUMBERS = (0, 1, -1, 2, 80, 8192, 65536, 2**31 - 1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63))
_AMOUNTS = """
    0 -0 -1 +1 1 .5 1. 1n 0.1n 1E9 1e400 -1e400 1e-400 1e1000 1e99999999999 1e1.5 80Gi 40960Mi
    9223372036854775807 9223372036854775808 -9223372036854775808Ei 100000000Ei
"""
QUANTITIES = (*_AMOUNTS.split(), "9" * 5000, "9" * 5000 + "E", "0." + "0" * 5000 + "1")
_WORDS = """
    a m chat h100 claimed Ä \u200b \u202e 日本 १२३ ² nan NaN inf -Infinity 0x10 true false True null
    None ~ '"\\ %s{} {{ {{.Name}} {{.X.Y}} {{range}} $(A) $(( $$( - . .. / // /a/../.. a/b/c a=b a:b
    a,b,,c 1.2.3 v1 4.43.0-rc.1+b >=1 8B 8.03B -8B 1e400B 0B B 7bB .B 1.2.3B \uff18B int4
    safetensors transformers LlamaForCausalLM BestFit keda hpa external RawDeployment Serverless
    MultiNode MultiNodeRayVLLM VirtualDeployment PrefillDecode Ready Deleted {} [] { 10% 150% -1% %
    1.5 1h -1h 1e309s D(100,100) N(480,240)/(300,150) E(-1) D( I(1,1) 1-2
    2026-05-06T10:11:12Z 0000-00-00
"""
WORDS = (*_WORDS.split(), "", " ", "\x00", "\n", "a\tb", "m" * 63, "🦄" * 70, "9" * 30 + "h")
NESTED = ("[" * 5000, "[" * 2000 + "]" * 2000, '{"a":' * 5000, "{{(" * 900, "(" * 2000, "[1e400]")
LONG = ("a" * 5000, "9" * 5000, "9" * 400 + "T", "1." * 500, "1.0." + "9" * 5000, "," * 9000)
_SCHEMES = """
    hf oci s3 gs az pvc github gitlab http https file local vendor azure azblob gcs ftp model HF
"""
_RESTS = """
    / // a a/b a/b/c a@b a:b@c/d a/b@ @ n/a/b/b/o/p n/a/b/b/o/ [ [::1 [::1]:99999/a a:b ns:claim/sub
    a:99999999999/x :claim/x claim/ a/../../b a?b=c#d %zz %00 \x00 ä/ö user:pw@host:x/a ${A} * a/*
    b.blob.core.windows.net/c/p a/b@v1/x ? # Ⅷ.com/a a\u2100b/c \uff5e
"""
_PLACES = (*_RESTS.split(), "", "a b", "a" * 3000, "a/" * 2000, "a/b@" + "c" * 300)
_STARTS = (*(f"{scheme}://" for scheme in _SCHEMES.split()), "://", "", "hf:", "pvc:")
URIS = tuple(start + place for start in _STARTS for place in _PLACES)
TIMES = (
    "2026-05-06T10:11:12Z",
    "2026-05-06t10:11:12z",
    "2026-05-06T10:11:12.123456789012345Z",
    "2026-05-06T10:11:12+99:99",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
)
LABELS = (*"a A.b_c-D 0 1e400 true false Ready keda m chat".split(), "", "9" * 63)
TEXTS = (*WORDS, *QUANTITIES, *NESTED, *LONG)
_DEEP: Any = []
for _ in range(100):
    _DEEP = [_DEEP]
JSONS: tuple[Any, ...] = (
    *(0, -1, 1.5, 1e308, -(2**63), "", "a", True, False, [], [[]], [{}], [None], _DEEP),
    *({}, {"": None}, {"\x00": "\x00"}, {"a": [1, {"b": None}]}, {"type": ["a"]}, {"gpu": {}}),
    *({"merged_weights": "no"}, {"strategy": 1}, {str(number): number for number in range(500)}),
)


def value(schema: dict[str, Any], name: str = "", depth: int = 0) -> SearchStrategy[Any]:
    """Values that the schema takes, for a member of this name."""
    if schema.get(INT_OR_STRING):
        given = (*NUMBERS, *QUANTITIES, *WORDS)
        return st.sampled_from([item for item in given if not errors(schema, item)])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "string" if schema.get("format") == "date-time":
            return st.sampled_from(TIMES)
        case "string":
            address = name.lower().endswith(("uri", "url"))
            return _texts(schema.get("pattern", ""), schema.get("maxLength", 10**7), address)
        case "integer" | "number":
            return st.sampled_from([item for item in NUMBERS if not errors(schema, item)])
        case "boolean":
            return st.booleans()
        case "array":
            items = value(schema["items"], name, depth + 1)
            return st.lists(items, max_size=3).filter(lambda found: not errors(schema, found))
        case _:
            return _objects(schema, depth)


@cache
def _texts(pattern: str, longest: int, address: bool) -> SearchStrategy[str]:
    kinds = (URIS,) if address else (WORDS, QUANTITIES, NESTED, LONG)
    fitting = (
        [text for text in kind if len(text) <= longest and re.search(pattern, text)]
        for kind in kinds
    )
    return st.one_of(*(st.sampled_from(texts) for texts in fitting if texts))


def _objects(schema: dict[str, Any], depth: int) -> SearchStrategy[Any]:
    if schema.get(KEEP) and "properties" not in schema:
        kind = dict if schema.get("type") == "object" else object
        return st.sampled_from([item for item in JSONS if isinstance(item, kind)])
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        keys = st.sampled_from(WORDS) | st.sampled_from(LONG)
        return st.dictionaries(keys, value(others, "", depth + 1), max_size=2)
    members, needed = schema.get("properties", {}), schema.get("required", ())
    may = sorted(members.keys() - set(needed)) if depth < 8 else []

    @st.composite
    def drawn(draw: st.DrawFn) -> dict[str, Any]:
        chosen = draw(st.lists(st.sampled_from(may), max_size=3, unique=True)) if may else []
        return {name: draw(value(members[name], name, depth + 1)) for name in (*needed, *chosen)}

    return drawn()
