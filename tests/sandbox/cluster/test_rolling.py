"""The numbers of a rollout: whatever pods do, its bounds hold and it ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.sandbox.cluster.deployments.rolling import (
    Bounds,
    Size,
    bounds_of,
    grown,
    proportional,
    shrunk,
)


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "bounds"),
    [
        (3, "25%", "25%", Bounds(3, 1, 0)),
        (4, "25%", "25%", Bounds(4, 1, 1)),
        (10, "25%", "25%", Bounds(10, 3, 2)),
        (1, 0, "25%", Bounds(1, 0, 1)),
        (2, 0, 5, Bounds(2, 0, 2)),
        (0, 1, 0, Bounds(0, 1, 0)),
    ],
)
def test_bounds(replicas: int, surge: int | str, unavailable: int | str, bounds: Bounds) -> None:
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    spec = {"replicas": replicas, "strategy": {"rollingUpdate": rolling}}
    assert bounds_of(spec) == bounds


@pytest.mark.parametrize(
    ("bounds", "sizes", "before", "after"),
    [
        (Bounds(20, 0, 0), [5, 5], 10, [10, 10]),
        (Bounds(5, 0, 0), [5, 5], 10, [3, 2]),
        (Bounds(0, 0, 0), [3, 2], 5, [0, 0]),
        (Bounds(15, 3, 2), [5, 8], 13, [7, 11]),
    ],
)
def test_scaling_in_the_middle_is_shared(
    bounds: Bounds, sizes: list[int], before: int, after: list[int]
) -> None:
    assert sorted(proportional(bounds, sizes, before)) == sorted(after)


@given(
    st.integers(0, 12),
    st.lists(st.integers(0, 12), min_size=1, max_size=3),
    st.integers(1, 30),
    st.integers(0, 4),
)
def test_proportional_scaling_ends_at_what_is_allowed(
    replicas: int, sizes: list[int], before: int, surge: int
) -> None:
    bounds = Bounds(replicas, surge, 1)
    after = proportional(bounds, sizes, before)
    assert all(size >= 0 for size in after)
    assert sum(after) == (bounds.most if replicas else 0)


@given(st.integers(0, 8), st.integers(0, 4), st.integers(0, 4), st.data())
def test_a_rolling_update_keeps_its_bounds_and_ends(
    replicas: int, surge: int, unavailable: int, data: st.DataObject
) -> None:
    if surge == 0 and unavailable == 0:
        unavailable = 1
    bounds = Bounds(replicas, surge, min(unavailable, replicas))
    shares = data.draw(st.lists(st.integers(0, replicas), min_size=1, max_size=3))
    old = [share if sum(shares[: i + 1]) <= replicas else 0 for i, share in enumerate(shares)]
    old[-1] += replicas - sum(old)
    ill = [data.draw(st.integers(0, size)) for size in old]
    available = [size - bad for size, bad in zip(old, ill, strict=True)]
    new, new_available = 0, 0
    healthy = sum(available)
    for _ in range(200):
        if new == replicas and not any(old) and new_available == new:
            break
        size = grown(bounds, new, new + sum(old))
        if size != new:
            new = size
        else:
            sizes = [Size(w, a) for w, a in zip(old, available, strict=True)]
            old = shrunk(bounds, Size(new, new_available), sizes)
            # Those that are not available go first.
            available = [min(a, w) for a, w in zip(available, old, strict=True)]
        if new > new_available and data.draw(st.booleans()):
            new_available += 1
        total = sum(available) + new_available
        assert total >= min(healthy, bounds.fewest)
        assert new + sum(old) <= max(bounds.most, replicas)
        healthy = max(healthy, total)
    else:
        new_available = new
        for _ in range(100):
            size = grown(bounds, new, new + sum(old))
            new = new_available = size
            sizes = [Size(w, a) for w, a in zip(old, available, strict=True)]
            old = shrunk(bounds, Size(new, new_available), sizes)
            available = [min(a, w) for a, w in zip(available, old, strict=True)]
    assert (new, sum(old)) == (replicas, 0)
