"""The only door to kubernetes-asyncio: its configuration without its models.

Importing any module of the library the usual way runs ``kubernetes_asyncio/__init__.py`` and
``kubernetes_asyncio/client/__init__.py``, which import 768 generated classes: 63 MB and a second of
start for things that we never use. The modules that we want need only ``Configuration`` of it. So
while they are imported, two stand-ins for those packages are in ``sys.modules``: empty, but with
the right ``__path__``, so that the modules below them are found as usual. Afterwards everything is
taken out of ``sys.modules`` again: a program that wants the whole library gets it unharmed, and our
copies are private, so what we change in them changes nothing for others.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["library"]

_NAME = "kubernetes_asyncio"


@cache
def library() -> SimpleNamespace:
    """The parts of the library that we use."""
    with _without_models():
        parts = SimpleNamespace(
            Configuration=_load("client.configuration").Configuration,
            kube_config=_load("config.kube_config"),
            incluster=_load("config.incluster_config"),
            exec_provider=_load("config.exec_provider"),
            ConfigException=_load("config.config_exception").ConfigException,
        )
    # Its log lines may quote a user's entry of the kubeconfig; errors reach us as exceptions.
    logging.getLogger(_NAME).setLevel(logging.CRITICAL + 1)
    return parts


def _load(name: str) -> ModuleType:
    return importlib.import_module(f"{_NAME}.{name}")


@contextmanager
def _without_models() -> Iterator[None]:
    before = {name: sys.modules.pop(name) for name in _loaded()}
    spec = importlib.util.find_spec(_NAME)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    root = Path(next(iter(spec.submodule_search_locations)))
    package = _stand_in(_NAME, root)
    package.client = _stand_in(f"{_NAME}.client", root / "client")
    try:
        package.client.Configuration = _load("client.configuration").Configuration
        package.client.ApiClient = None  # named in an import; used by what we do not call
        yield
    finally:
        for name in _loaded():
            del sys.modules[name]
        sys.modules.update(before)


def _stand_in(name: str, path: Path) -> Any:
    module = ModuleType(name)
    module.__path__ = [str(path)]
    sys.modules[name] = module
    return module


def _loaded() -> list[str]:
    return [name for name in sys.modules if name.partition(".")[0] == _NAME]
