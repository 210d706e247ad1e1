"""BenchmarkJob: from its spec to a Job that runs genai-bench, and back from what that says."""

from __future__ import annotations

from ome.workloads.benchmark.arguments import brings_key
from ome.workloads.benchmark.errors import BenchmarkError
from ome.workloads.benchmark.job import BenchmarkInputs, benchmark_job
from ome.workloads.benchmark.progress import Progress, progress_in, runs_planned
from ome.workloads.benchmark.settings import BenchmarkSettings, parse_benchmark_settings
from ome.workloads.benchmark.storage import Place, dataset, output
from ome.workloads.benchmark.target import (
    Target,
    model_name_of,
    served_name,
    service_target,
    url_target,
)

__all__ = [
    "BenchmarkError",
    "BenchmarkInputs",
    "BenchmarkSettings",
    "Place",
    "Progress",
    "Target",
    "benchmark_job",
    "brings_key",
    "dataset",
    "model_name_of",
    "output",
    "parse_benchmark_settings",
    "progress_in",
    "runs_planned",
    "served_name",
    "service_target",
    "url_target",
]
