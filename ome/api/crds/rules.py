"""Rules in CEL: what an API server refuses by itself, also while no webhook is registered.

They say what the validators of ``ome.webhooks`` say, as far as one object alone can. A rule on
``spec`` or below is not asked again about a value that an update leaves alone (ratcheting, from
Kubernetes 1.30 on), so none holds up a finalizer of an object that was stored before the rule; the
rules on the name at the root are asked on creation only.

Every rule's cost is estimated by the server from the largest object that the schema allows: the
lists and texts that a rule walks are bounded in the models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["add_rules"]

Rule = dict[str, Any]
_SCENARIOS = {
    "text-to-text": (
        r"^(N\\([0-9]+,[0-9]+\\)/\\([0-9]+,[0-9]+\\)|U\\([0-9]+,[0-9]+\\)(/\\([0-9]+,[0-9]+\\))?"
        r"|D\\([0-9]+,[0-9]+\\))$"
    ),
    "text-to-embeddings": r"^E\\([0-9]+(,[0-9]+)?\\)$",
    "image-to-text": r"^I\\([0-9]+,[0-9]+(,[0-9]+)?\\)$",
    "image-to-embeddings": r"^I\\([0-9]+,[0-9]+(,[0-9]+)?\\)$",
}


def _rule(rule: str, message: str, **more: Any) -> Rule:
    return {"rule": rule, "message": message, **more}


def _name(pattern: str, message: str) -> Rule:
    """A rule on the name of a new object."""
    rule = f"oldSelf.hasValue() || self.metadata.name.matches('{pattern}')"
    return _rule(rule, message, optionalOldSelf=True)


def _fits_task() -> str:
    """Every scenario is one of its task."""
    choice = "false"
    for task, pattern in reversed(_SCENARIOS.items()):
        choice = f"self.task == '{task}' ? s.matches('{pattern}') : ({choice})"
    return f"!has(self.trafficScenarios) || self.trafficScenarios.all(s, {choice})"


_LABEL = (
    "invalid InferenceService name, must match [a-z]([-a-z0-9]*[a-z0-9])?: use lower-case letters,"
    " digits and '-', begin with a letter and end with a letter or digit"
)
_DECODER = (
    "decoder cannot be specified without engine; add spec.engine (it does the prefill) or remove"
    " spec.decoder"
)
_WORKERS = (
    "invalid configuration: for MultiNode deployment, both leader and worker must be defined and"
    " worker.size must be greater than 0; write 1 or more"
)
_PRIORITIES = (
    "different priorities assigned for one model format; give all its entries with autoSelect one"
    " priority"
)
_DISABLED = "(has(self.disabled) && self.disabled)"
_FORMAT = "(has({0}.name) && {0}.name != '' ? {0}.name : {0}.modelFormat.name)"
_COUNTS = "has({0}.autoSelect) && {0}.autoSelect && has({0}.priority)"
_SAME_PRIORITY = (
    f"{_DISABLED} || !has(self.supportedModelFormats) || self.supportedModelFormats.all(a,"
    f" !({_COUNTS.format('a')}) || self.supportedModelFormats.all(b, !({_COUNTS.format('b')}) ||"
    f" a.priority == b.priority || {_FORMAT.format('a')} != {_FORMAT.format('b')}))"
)
_RUNTIME: tuple[tuple[str, Rule], ...] = (
    (
        "spec",
        _rule(
            f"{_DISABLED} || (has(self.engineConfig) && has(self.decoderConfig)) ||"
            " !has(self.workers) || !has(self.workers.size) || self.workers.size > 0",
            _WORKERS,
            fieldPath=".workers.size",
        ),
    ),
    ("spec", _rule(_SAME_PRIORITY, _PRIORITIES, fieldPath=".supportedModelFormats")),
)
_RULES: Mapping[str, Sequence[tuple[str, Rule]]] = {
    "InferenceService": (
        ("", _name("^[a-z]([-a-z0-9]*[a-z0-9])?$", _LABEL)),
        (
            "spec",
            # A predictor may still become an engine, at reconcile when no webhook is registered.
            _rule(
                "!has(self.decoder) || has(self.engine) || has(self.predictor)",
                _DECODER,
                fieldPath=".decoder",
            ),
        ),
    ),
    "ServingRuntime": _RUNTIME,
    "ClusterServingRuntime": _RUNTIME,
    "BenchmarkJob": (
        (
            "",
            _name(
                "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$",
                "invalid name: must be a DNS label of at most 63 characters; use lower-case"
                " letters, digits and '-'",
            ),
        ),
        (
            "spec.endpoint",
            _rule(
                "has(self.endpoint) || has(self.inferenceService)",
                "invalid endpoint: endpoint or InferenceService must be specified; add"
                " spec.endpoint.inferenceService or spec.endpoint.endpoint",
            ),
        ),
        (
            "spec.endpoint",
            _rule(
                "!has(self.endpoint) || !has(self.inferenceService)",
                "invalid endpoint: endpoint and InferenceService cannot be specified together;"
                " remove one of them",
            ),
        ),
        (
            "spec",
            _rule(
                _fits_task(),
                "invalid traffic scenarios: invalid scenario format for the task; write"
                " N(480,240)/(300,150), U(100,200) or D(100,100) for text-to-text, E(128) for"
                " embeddings of text, I(512,512) for images",
                fieldPath=".trafficScenarios",
            ),
        ),
        (
            "spec.additionalRequestParams",
            _rule(
                "!('ignore_eos' in self) || self['ignore_eos'] in ['true', 'false']",
                "invalid additional request parameters: ignore_eos must be 'true' or 'false'",
            ),
        ),
        (
            "spec.additionalRequestParams",
            _rule(
                "!('temperature' in self) || self['temperature'].matches("
                r"'^[+-]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]+)?$')",
                "invalid additional request parameters: invalid temperature: it must be a number"
                ' such as "0.7"',
            ),
        ),
        (
            "spec.outputLocation",
            _rule(
                "['oci://', 'pvc://', 's3://', 'az://', 'gs://', 'github://'].exists(scheme,"
                " self.storageUri.startsWith(scheme))",
                "invalid storage: unsupported or unknown storage type; use oci://, pvc://, s3://,"
                " az://, gs:// or github://",
                fieldPath=".storageUri",
            ),
        ),
    ),
}


def add_rules(kind: str, root: dict[str, Any]) -> None:
    """Put the rules of a kind into its schema."""
    for path, rule in _RULES.get(kind, ()):
        schema = root
        for name in path.split(".") if path else ():
            schema = schema["properties"][name]
        schema.setdefault("x-kubernetes-validations", []).append(rule)
