"""A ``Lookup`` over a set of documents: what the files of a repository say is the cluster."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.api.jsontext import read_json
from ome.webhooks.reading import metadata_of
from ome.webhooks.registry import BadSetting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ome.webhooks.registry import Document

__all__ = ["Documents"]


_NUMBERS = itertools.count()


class Documents:
    """The objects by kind, namespace and name; the last of a name counts.

    A namespaced object that names no namespace is in ``namespace``. Without the ConfigMap
    ``inferenceservice-config`` among them the shipped settings hold.
    """

    def __init__(
        self, documents: Iterable[Document], *, namespace: str = "default", migrates: bool = True
    ) -> None:
        self._namespace = namespace
        self._migrates = migrates
        self._held: dict[str, dict[tuple[str, str], Document]] = {}
        self._settings: Mapping[str, Any] = {}
        for document in documents:
            self.add(document)

    def add(self, document: Document) -> None:
        """Take in one more object."""
        kind, held = str(document.get("kind")), metadata_of(document)
        name, scope = str(held.get("name") or ""), str(held.get("namespace") or "")
        if kind == "ConfigMap" and name == names.CONFIGMAP_INFERENCE_SERVICE:
            data = document.get("data")
            self._settings = data if isinstance(data, dict) else {}
        if kind in ("BaseModel", "ServingRuntime", "InferenceService") and not scope:
            scope = self._namespace
            document = {**document, "metadata": {**held, "namespace": scope}}
        if "uid" not in metadata_of(document):  # what is read often is parsed once, by its uid
            known = {"uid": f"document-{next(_NUMBERS)}", "resourceVersion": "0"}
            document = {**document, "metadata": {**metadata_of(document), **known}}
        self._held.setdefault(kind, {})[(scope, name)] = document

    def _get(self, kind: str, namespace: str, name: str) -> Document | None:
        return self._held.get(kind, {}).get((namespace, name))

    def base_model(self, namespace: str, name: str) -> Document | None:
        """As ``Lookup.base_model``."""
        local = self._get("BaseModel", namespace, name) if namespace else None
        return local or self._get("ClusterBaseModel", "", name)

    def runtime(self, namespace: str, name: str) -> Document | None:
        """As ``Lookup.runtime``."""
        local = self._get("ServingRuntime", namespace, name) if namespace else None
        return local or self._get("ClusterServingRuntime", "", name)

    def runtimes(self, namespace: str) -> list[Document]:
        """As ``Lookup.runtimes``."""
        local = self._held.get("ServingRuntime", {})
        own = [document for (scope, _), document in local.items() if scope == namespace]
        return own + self.cluster_runtimes()

    def cluster_runtimes(self) -> list[Document]:
        """As ``Lookup.cluster_runtimes``."""
        return list(self._held.get("ClusterServingRuntime", {}).values())

    def accelerator(self, name: str) -> Document | None:
        """As ``Lookup.accelerator``."""
        return self._get("AcceleratorClass", "", name)

    def accelerators(self) -> list[Document]:
        """As ``Lookup.accelerators``."""
        return list(self._held.get("AcceleratorClass", {}).values())

    def fine_tuned_weight(self, name: str) -> Document | None:
        """As ``Lookup.fine_tuned_weight``."""
        return self._get("FineTunedWeight", "", name)

    def inference_service(self, namespace: str, name: str) -> Document | None:
        """As ``Lookup.inference_service``."""
        return self._get("InferenceService", namespace, name)

    def services_using(self, runtime_kind: str, namespace: str, name: str) -> tuple[int, int]:
        """Files run no pods, so nobody feels an edit."""
        return 0, 0

    def config(self, key: str) -> Document | None:
        """As ``Lookup.config``."""
        text = self._settings.get(key)
        if text is None:
            return None
        try:
            value = read_json(text)
        except (TypeError, ValueError) as error:
            raise BadSetting(key, str(error)) from error
        if not isinstance(value, dict):
            raise BadSetting(key, "it is no JSON object")
        return value

    def migrates_predictors(self) -> bool:
        """As ``Lookup.migrates_predictors``."""
        return self._migrates
