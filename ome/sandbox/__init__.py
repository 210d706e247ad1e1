"""A cluster in one process: API server, controllers, scheduler and kubelets with GPUs.

For trying OME out without binaries and for tests. ``docs/sandbox.md`` says what differs from a real
cluster, and why.
"""
