"""The status of a fine-tuned weight: pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.agent.protocol import FAILED, READY, UPDATING
from ome.api import names
from ome.api.weights import kept_on_nodes
from ome.controllers.basemodel.problems import (
    Problem,
    in_one,
    nodes,
    one_line,
    problem_of_uri,
    reported_problems,
)
from ome.controllers.basemodel.status import DISABLED, NOBODY
from ome.controllers.metaconditions import Wanted, lay_conditions
from ome.storage.errors import InvalidUri
from ome.storage.uris import OciUri, PvcUri, parse_uri

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ome.controllers.basemodel.aggregate import ModelReports

__all__ = ["compute_status", "for_nodes", "weight_problems"]

_LISTS = ("nodesReady", "nodesFailed")
_COUNTS = ("nodesReadyCount", "nodesFailedCount", "nodesUpdatingCount")


def for_nodes(spec: Mapping[str, Any]) -> bool:
    """Whether agents bring a weight onto nodes."""
    storage = spec.get("storage") or {}
    return kept_on_nodes(storage.get("storageUri") or "", storage.get("path"))


def weight_problems(
    spec: Mapping[str, Any], base_exists: bool, reports: ModelReports
) -> list[Problem]:
    """All that is wrong with a weight; those with ``fails`` are why it is ``Failed``."""
    found: list[Problem] = []
    if not base_exists:
        found.append(Problem(names.REASON_BASE_MODEL_NOT_FOUND, _missing(spec), fails=True))
    text = _problem_of((spec.get("storage") or {}).get("storageUri", ""), for_nodes(spec))
    if text:
        found.append(Problem(names.REASON_INVALID_STORAGE_URI, text, fails=True))
    return [*found, *reported_problems(reports)]


def _missing(spec: Mapping[str, Any]) -> str:
    reference = spec.get("baseModelRef") or {}
    name, namespace = reference.get("name", ""), reference.get("namespace")
    if namespace:
        return (
            f"spec.baseModelRef: No BaseModel with the name: {name} in namespace {namespace};"
            " create it, or leave the namespace out for a ClusterBaseModel"
        )
    return (
        f"spec.baseModelRef: No ClusterBaseModel with the name: {name}; create it, or add the"
        " namespace of a BaseModel"
    )


def _problem_of(uri: str, on_nodes: bool) -> str:
    field = "spec.storage.storageUri"
    if on_nodes:
        if uri.startswith(f"{PvcUri.SCHEME}://"):
            return f"{field}: a claim is not fetched to nodes; name the storage it was filled from"
        return problem_of_uri(uri)
    if not uri.startswith(f"{OciUri.SCHEME}://"):
        return (
            f"{field}: {one_line(repr(uri))} is no storage that pods fetch weights from; expected"
            f" {OciUri.GRAMMAR}, or set spec.storage.path to have the agents fetch it to nodes"
        )
    try:
        parse_uri(uri)
    except InvalidUri as error:
        return f"{field}: {one_line(str(error))}"
    return ""


def compute_status(
    stored: Mapping[str, Any],
    found: Sequence[Problem],
    reports: ModelReports,
    *,
    for_nodes: bool,
    wall: str,
    disabled: bool = False,
) -> dict[str, Any]:
    """The status to store; equal to ``stored`` when nothing changed. Other members stay.

    Counts are there only when nodes are to have the weight, or still do.
    """
    on_nodes = for_nodes or bool(reports.holding())
    lists = {
        "nodesReady": reports.nodes(READY),
        "nodesFailed": reports.nodes(FAILED),
    }
    counts = (reports.count(READY), reports.count(FAILED), reports.count(UPDATING))
    nobody = DISABLED if disabled else NOBODY
    state, reason, message = _readiness(found, counts, nobody if on_nodes else "")
    kept = {key: value for key, value in stored.items() if key not in (*_LISTS, *_COUNTS)}
    status = {**kept, "state": state, **{key: value for key, value in lists.items() if value}}
    if on_nodes:
        status |= dict(zip(_COUNTS, counts, strict=True))
    worst = found[0] if found else Problem("NoProblem", "")
    wanted = {
        "Ready": Wanted("True" if state == "Ready" else "False", reason, message),
        "Degraded": Wanted("True" if found else "False", worst.reason, in_one(found)),
    }
    status["conditions"] = lay_conditions(stored.get("conditions"), wanted, wall)
    return status


def _readiness(
    found: Sequence[Problem], counts: tuple[int, int, int], nobody: str
) -> tuple[str, str, str]:
    """State, and reason and message of ``Ready``.

    ``nobody`` is said while no node says anything; empty when none is to have the weight.
    """
    invalid = (names.REASON_BASE_MODEL_NOT_FOUND, names.REASON_INVALID_STORAGE_URI)
    wrong = next((problem for problem in found if problem.reason in invalid), None)
    if wrong is not None:
        return "Failed", wrong.reason, wrong.text
    if not nobody:
        return "Ready", "BaseModelFound", "fetched by the pods that serve it"
    words = ("ready on", "failed on", "updating on")
    said = ", ".join(
        f"{word} {nodes(count)}" for word, count in zip(words, counts, strict=True) if count
    )
    ready, failed, _ = counts
    if ready:
        return "Ready", "NodesReady", said
    if failed:
        worst = next((problem for problem in found if problem.fails), None)
        return (
            "Failed",
            worst.reason if worst else names.REASON_DOWNLOAD_FAILED,
            worst.text if worst else said,
        )
    if said and nobody == DISABLED:
        said = f"{said}; {nobody}"
    return "In_Transit", "InTransit", said or nobody
