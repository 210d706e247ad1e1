"""Where the files of a FineTunedWeight lie."""

from __future__ import annotations

__all__ = ["kept_on_nodes"]


def kept_on_nodes(uri: str, path: str | None) -> bool:
    """Whether agents keep a weight on nodes: its storage says where, and is none that pods fetch.

    An object of OCI is fetched and unpacked by the pods that serve it, also where it names a path:
    that had no effect before there were weights on nodes, and what runs must stay as it is.
    """
    return bool(path) and not uri.startswith("oci://")
