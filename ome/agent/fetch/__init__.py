"""One model onto one node: fetched beside its place, verified, then put there in one step.

``place`` decides where files may go, ``manifest`` remembers what is whole, ``model`` fetches, and
``child`` does so in a process of its own, which can be killed at any moment.
"""

from __future__ import annotations
