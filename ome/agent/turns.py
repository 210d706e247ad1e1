"""Who downloads a model when, and from whom: agreed over the API server, without a coordinator.

Nodes that have a model are found by its label on Nodes, which also carry the address of their
agent; those of the own rack and zone come first. Only a few nodes at a time fetch a model from its
source, the others wait until one of these has it. So a source serves a model about as often as
there are such seeds, whatever the number of nodes.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from ome.agent.post import Turn
from ome.agent.protocol import READY
from ome.agent.slots import Slots
from ome.api import names
from ome.api.turns import nodes_at_once
from ome.errors import ApiError, NotFound, TransportError
from ome.kube.resource import ObjectKey
from ome.kube.resources import NODES

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Callable, Mapping

    from ome.agent.models import Model
    from ome.clock import Clock
    from ome.kube.client import Client

__all__ = ["ClusterTurns"]

_SEEDS = 2
"""Nodes that fetch a model from its source at a time."""
_PEERS = 8
"""Agents that one download asks at most."""
_LISTED = 100
_PEERED = frozenset({"hf", "http", "https", "github"})
"""Schemes whose files have a hash by which a peer can be asked."""
_NEARNESS = ("topology.kubernetes.io/rack", "topology.kubernetes.io/zone")
_LARGE_CLUSTER = 50
_COUNT_SECONDS = 300.0
_RETRY_SECONDS = 10.0
log = structlog.get_logger("agent")


class ClusterTurns:
    """The turns of one node."""

    def __init__(
        self,
        client: Client,
        namespace: str,
        node: str,
        clock: Clock,
        rng: random.Random,
        *,
        peers: bool = True,
        address: str = "",
        jitter: float = 30.0,
    ) -> None:
        """``peers``: take files from other nodes; ``address``: where they reach our agent, a URL.

        Without an address we take and do not give. ``jitter``: seconds over which the nodes of a
        large cluster spread the first request to a source.
        """
        self.labels: Callable[[], Mapping[str, str]] = dict
        """The labels of the own node."""
        self._client = client
        self._node = node
        self._clock = clock
        self._rng = rng
        self._peers = peers
        self._address = address
        self._jitter = jitter
        self._slots = Slots(client, namespace, node, clock)
        self._counted = (float("-inf"), 0)

    async def run(self) -> None:
        """Tell the others our address, then keep what we hold, until cancelled."""
        while self._peers and self._address and not await self._announce():
            await self._clock.sleep(_RETRY_SECONDS)
        await self._slots.run()

    @asynccontextmanager
    async def take(self, model: Model, origin: bool = False) -> AsyncIterator[Turn | None]:
        """Leave for as long as the context is open; None when it is not our turn yet.

        ``origin``: peers have failed us, so only leave that includes the source is of use.
        """
        async with AsyncExitStack() as stack:
            limit = _limit(model)
            if limit and not await stack.enter_async_context(
                self._slots.one_of(_slot_name("node", model), limit)
            ):
                yield None
                return
            if not self._peers or model.scheme not in _PEERED:
                yield Turn()
                return
            peers = await self._holders(model)
            if peers and not origin:
                yield Turn(peers, origin=False)
                return
            place = await stack.enter_async_context(AsyncExitStack())
            seed = await place.enter_async_context(
                self._slots.one_of(_slot_name("seed", model), _SEEDS)
            )
            if seed and not origin:
                # Who held the place before may have the model since we looked.
                peers = await self._holders(model)
                if peers:
                    await place.aclose()
                    yield Turn(peers, origin=False)
                    return
            yield Turn(peers, seed=True) if seed else None

    async def delay(self, model: Model) -> float:
        """Nothing in a small cluster, else a part of the jitter that is always the same."""
        if not self._jitter or await self._count() <= _LARGE_CLUSTER:
            return 0.0
        drawn = int.from_bytes(sha256(f"{self._node}/{model.uid}".encode()).digest()[:4], "big")
        return self._jitter * drawn / 2**32

    async def _announce(self) -> bool:
        patch = {"metadata": {"annotations": {names.ANNOTATION_AGENT_ADDRESS: self._address}}}
        try:
            await self._client.merge_patch(NODES, ObjectKey("", self._node), patch)
        except NotFound:
            return True
        except (ApiError, TransportError) as error:
            log.warning("peers.not_announced", node=self._node, problem=str(error))
            return False
        return True

    async def _holders(self, model: Model) -> tuple[str, ...]:
        """The agents of nodes that have the model, the nearest first."""
        ready, found = f"{model.label}={READY}", dict[str, None]()
        near = [
            f"{ready},{name}={value}" for name in _NEARNESS if (value := self.labels().get(name))
        ]
        for selector in (*near, ready):
            try:
                nodes = await self._list(selector)
            except (ApiError, TransportError) as error:
                log.warning("peers.unknown", model=str(model.key), problem=str(error))
                break
            addresses = [address for node in nodes if (address := self._address_of(node))]
            self._rng.shuffle(addresses)
            found.update(dict.fromkeys(addresses))
            if len(found) >= _PEERS:
                break
        return tuple(found)[:_PEERS]

    def _address_of(self, node: Mapping[str, Any]) -> str:
        metadata = node["metadata"]
        if metadata["name"] == self._node:
            return ""
        address: str = (metadata.get("annotations") or {}).get(names.ANNOTATION_AGENT_ADDRESS, "")
        return address

    async def _list(self, selector: str) -> list[dict[str, Any]]:
        page = msgspec.json.decode(
            await self._client.list_page(
                NODES, label_selector=selector, limit=_LISTED, metadata_only=True
            )
        )
        items: list[dict[str, Any]] = page.get("items") or []
        return items

    async def _count(self) -> int:
        """How many nodes there are, looked at now and then."""
        now = self._clock.monotonic()
        if now - self._counted[0] > _COUNT_SECONDS:
            try:
                page = msgspec.json.decode(
                    await self._client.list_page(NODES, limit=1, metadata_only=True)
                )
            except (ApiError, TransportError):
                return self._counted[1]
            count = len(page.get("items") or ())
            self._counted = (now, count + (page["metadata"].get("remainingItemCount") or 0))
        return self._counted[1]


def _limit(model: Model) -> int:
    """How many nodes may download the model at a time; 0 for any number."""
    text = model.annotations.get(names.ANNOTATION_MAX_CONCURRENT_NODES, "")
    limit = nodes_at_once(text)
    if limit is None:
        log.warning(
            "model.bad_annotation",
            model=str(model.key),
            annotation=names.ANNOTATION_MAX_CONCURRENT_NODES,
            value=text,
            expected="a number from 1 to 9999",
        )
        return 0
    return limit


def _slot_name(use: str, model: Model) -> str:
    digest = sha256(f"{model.report_key}/{model.uri}".encode()).hexdigest()[:16]
    return f"model-{use}-{digest}"
