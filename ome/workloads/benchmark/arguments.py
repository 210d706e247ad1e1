"""The command line of genai-bench for a BenchmarkJob, in its exact order. Pure."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.api.jsontext import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.api import BenchmarkJobSpec
    from ome.workloads.benchmark.storage import Place
    from ome.workloads.benchmark.target import Target

__all__ = ["arguments", "brings_key"]


def arguments(spec: BenchmarkJobSpec, target: Target, data: Place, results: Place) -> list[str]:
    """Every option and every value as an element of its own."""
    found = [
        "benchmark",
        *("--api-backend", target.backend),
        *("--api-base", target.url),
        *("--api-model-name", target.model_name),
        *("--task", spec.task),
        *("--max-time-per-run", str(spec.max_time_per_iteration)),
        *("--max-requests-per-run", str(spec.max_requests_per_iteration)),
    ]
    key = f"$({names.ENV_MODEL_API_KEY})" if brings_key(spec) else target.key
    if key:
        found += ["--api-key", key]
    if target.tokenizer:
        found += ["--model-tokenizer", target.tokenizer]
    if spec.additional_request_params:
        found += ["--additional-request-params", _request(spec.additional_request_params)]
    for scenario in spec.traffic_scenarios or ():
        found += ["--traffic-scenario", scenario]
    for number in spec.num_concurrency or ():
        found += ["--num-concurrency", str(number)]
    if spec.result_folder_name is not None:
        found += ["--experiment-folder-name", spec.result_folder_name]
    facts = spec.service_metadata
    if facts is not None:
        found += ["--server-engine", facts.engine, "--server-gpu-type", facts.gpu_type]
        found += ["--server-version", facts.version, "--server-gpu-count", str(facts.gpu_count)]
    return [*found, *data.arguments, *results.arguments]


def brings_key(spec: BenchmarkJobSpec) -> bool:
    """Whether ``podOverride.env`` holds the key that requests carry, in place of any other."""
    override = spec.pod_override
    variables = (override.env if override is not None else None) or ()
    return any(variable.get("name") == names.ENV_MODEL_API_KEY for variable in variables)


def _request(given: Mapping[str, str]) -> str:
    """The parameters as one JSON object, each with the type that its text has."""
    return json.dumps({name: _typed(given[name]) for name in sorted(given)})


def _typed(text: str) -> Any:
    try:
        value = read_json(text)
        is_number = isinstance(value, int | float) and math.isfinite(value)
    except (ValueError, OverflowError):
        return text
    return value if is_number and text == text.strip() else text
