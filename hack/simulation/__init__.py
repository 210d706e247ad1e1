"""Deterministic simulation: a cluster's life in virtual time under a seed, with faults.

Operator replicas, agents, API server and kubelets run in one event loop. What goes wrong, when and
to whom is drawn from the seed, so a seed that fails replays exactly. ``docs/simulation.md`` says
what is simulated and what is checked.
"""
