"""Benchmarks: each module has ``main(words) -> exit code``, prints a table and one JSON line."""
