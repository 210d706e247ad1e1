"""Real benchmarks in a sandbox: genai-bench as a local process against a stand-in for an engine."""

from __future__ import annotations

from ome.sandbox.realbenchmarks.running import real_benchmarks
from ome.sandbox.realbenchmarks.tool import find_tool

__all__ = ["find_tool", "real_benchmarks"]
