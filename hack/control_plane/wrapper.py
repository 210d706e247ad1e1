"""The Go modules that programs are built from when they cannot be installed by name.

`go install` refuses a module whose go.mod replaces others with folders beside it, and both
Kubernetes and etcd do. Another module that requires them builds them: only the main module's
`replace` lines count, so it states its own. Kubernetes requires its libraries as v0.0.0 and finds
them in a folder that its published module lacks; the wrapper points them at their own releases.
"""

from __future__ import annotations

import re

_STAGING = re.compile(r"^\s*(?:replace\s+)?(\S+)\s+=>\s+\./staging/", re.MULTILINE)
_REQUIRE = re.compile(r"^(?:\t|require )([^\s()]+ v[^\s()]+)(?: // indirect)?$", re.MULTILINE)
_REPLACED = re.compile(r"^(?:\t|replace )(\S+ => \S+ v\S+)$", re.MULTILINE)
_GO = re.compile(r"^go (\S+)$", re.MULTILINE)


def kubernetes(go_mod: str, version: str, library_version: str) -> str:
    """The wrapper's go.mod, made from the go.mod of `k8s.io/kubernetes` at this version.

    Everything that Kubernetes requires is required again, so that Go need not work it out anew.
    """
    libraries = _STAGING.findall(go_mod)
    if not libraries:
        raise ValueError(f"k8s.io/kubernetes {version}: its go.mod replaces no library; unexpected")
    required = [f"k8s.io/kubernetes v{version}", *_REQUIRE.findall(go_mod)]
    replaced = [f"{name} => {name} {library_version}" for name in libraries]
    return _module("kubernetes", go_mod, required, replaced)


def etcd(go_mod: str, version: str) -> str:
    """The wrapper's go.mod, made from the go.mod of etcd's server at this version."""
    return _module("etcd", go_mod, [f"go.etcd.io/etcd/server/v3 v{version}"], [])


def replacing(name: str, module: str, go_mod: str) -> str:
    """The wrapper's go.mod for ``MODULE@VERSION``, from its own: it requires and replaces the same.

    ``name`` is the wrapper's own.
    """
    path, _, version = module.partition("@")
    required = [f"{path} {version}", *_REQUIRE.findall(go_mod)]
    return _module(name, go_mod, required, _REPLACED.findall(go_mod))


def _module(name: str, go_mod: str, required: list[str], replaced: list[str]) -> str:
    go = _GO.search(go_mod)
    blocks = [
        f"module ome.io/hack/{name}",
        f"go {go[1]}" if go else "",
        _block("require", required),
    ]
    if replaced:
        blocks.append(_block("replace", replaced))
    return "\n\n".join(blocks) + "\n"


def _block(word: str, lines: list[str]) -> str:
    return "\n".join([f"{word} (", *(f"\t{line}" for line in lines), ")"])
