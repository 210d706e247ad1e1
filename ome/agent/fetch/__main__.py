"""``python -m ome.agent.fetch``: the child of ``child.fetch_in_child``."""

from __future__ import annotations

from ome.agent.fetch.child import main

if __name__ == "__main__":
    main()
