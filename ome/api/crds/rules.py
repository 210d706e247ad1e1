"""Rules in CEL: what an API server refuses by itself, also while no webhook is registered.

They say what the validators of ``ome.webhooks`` say, as far as one object alone can. A rule on
``spec`` or below is not asked again about a value that an update leaves alone (ratcheting, from
Kubernetes 1.30 on), so none holds up a finalizer of an object that was stored before the rule; the
rules on the name at the root are asked on creation only.

A server asks them before it asks a webhook, so theirs is the text that users read: an expression
makes it, with the value that is wrong. The plain message stands for a value of several lines.

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
_UNUSABLE = {
    "hf://": "HUGGINGFACE",
    "vendor://": "VENDOR",
    "local://": "LOCAL",
    "http://": "HTTP",
    "https://": "HTTP",
}


def _rule(rule: str, message: str, **more: Any) -> Rule:
    return {"rule": rule, "message": message, **more}


def _name(pattern: str, before: str, after: str) -> Rule:
    """A rule on the name of a new object; the message says the field, as no path leads there."""
    rule = f"oldSelf.hasValue() || self.metadata.name.matches('{pattern}')"
    generated = (
        "has(self.metadata.generateName) && self.metadata.name.startsWith("
        "self.metadata.generateName)"
    )
    field, text = (
        f"({generated} ? {first} : {second})"
        for first, second in (
            ("'metadata.generateName'", "'metadata.name'"),
            ("self.metadata.generateName", "self.metadata.name"),
        )
    )
    said = f"""{field} + ': {before} "' + {text} + '"{after}'"""
    plain = f"metadata.name: {before} a text of other characters{after}"
    return _rule(rule, plain, optionalOldSelf=True, messageExpression=said)


def _unfit() -> str:
    """Whether the scenario ``s`` is none of its task."""
    choice = "false"
    for task, pattern in reversed(_SCENARIOS.items()):
        choice = f"self.task == '{task}' ? s.matches('{pattern}') : ({choice})"
    return f"!({choice})"


def _what_is_stored() -> str:
    """What is wrong with a storage URI of results."""
    said = "'unknown storage type for URI: ' + self.storageUri"
    for prefix, type_ in reversed(_UNUSABLE.items()):
        said = (
            f"self.storageUri.startsWith('{prefix}') ?"
            f" 'unsupported storage type: {type_}; results cannot go there' : ({said})"
        )
    return f"(self.storageUri == '' ? 'storageUri cannot be empty' : ({said}))"


_EXAMPLES = (
    "write N(480,240)/(300,150), U(100,200) or D(100,100) for text-to-text, E(128) for embeddings"
    " of text, I(512,512) for images"
)
_SCHEMES = "use oci://, pvc://, s3://, az://, gs:// or github://"
_DECODER = (
    "decoder cannot be specified without engine; add spec.engine (it does the prefill) or remove"
    " spec.decoder"
)
_WORKERS = (
    "invalid configuration: for MultiNode deployment, both leader and worker must be defined and"
    " worker.size must be greater than 0; write 1 or more"
)
# Which format it is cannot be said within the limit of cost.
_PRIORITIES = (
    "different priorities assigned for one model format: of the entries with autoSelect, those with"
    " equal name (without one: with equal modelFormat.name) differ in priority; give them one"
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
        (
            "",
            _name(
                "^[a-z]([-a-z0-9]*[a-z0-9])?$",
                "invalid InferenceService name",
                ', must match "[a-z]([-a-z0-9]*[a-z0-9])?": use lower-case letters, digits and'
                " hyphens, begin with a letter and end with a letter or digit",
            ),
        ),
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
                "invalid name: must be a DNS label of at most 63 characters, not",
                "; use lower-case letters, digits and hyphens",
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
                f"!has(self.trafficScenarios) || !self.trafficScenarios.exists(s, {_unfit()})",
                f"invalid traffic scenarios: invalid scenario format for the task; {_EXAMPLES}",
                fieldPath=".trafficScenarios",
                messageExpression=f"self.trafficScenarios.filter(s, {_unfit()}).map(s, 'invalid"
                " traffic scenarios: failed to validate scenario \\'' + s + '\\': invalid scenario"
                " format for task \\'' + self.task + '\\': ' + s +"
                f" '; {_EXAMPLES}')[0]",
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
                messageExpression="'invalid additional request parameters: invalid temperature:"
                " \\'' + self['temperature'] + '\\' is not a number; write one such as \"0.7\"'",
            ),
        ),
        (
            "spec.outputLocation",
            _rule(
                "['oci://', 'pvc://', 's3://', 'az://', 'gs://', 'github://'].exists(scheme,"
                " self.storageUri.startsWith(scheme))",
                f"invalid storage: unknown storage type; {_SCHEMES}",
                fieldPath=".storageUri",
                messageExpression=f"'invalid storage: ' + {_what_is_stored()} + '; {_SCHEMES}'",
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
