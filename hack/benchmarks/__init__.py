"""Benchmarks: one module for each, with ``main(argv) -> int`` and a docstring whose first line
``hack/bench`` lists. Modules whose name begins with an underscore, and packages, are none."""
