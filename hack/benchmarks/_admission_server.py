"""The server under test: the pod webhook over TLS with warm caches, on one core.

Prints its port, serves until its standard input ends, then prints the CPU seconds that it used.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from typing import Any

import anyio
import anyio.to_thread
from prometheus_client import CollectorRegistry

from ome.api import names
from ome.cli.webhooks import declare_caches
from ome.clock import SystemClock
from ome.informers.projection import Metadata
from ome.informers.registry import Informers
from ome.kube.resource import ObjectKey
from ome.reconciler.health import HttpServer
from ome.reconciler.tls import self_signed_context
from ome.webhooks.lookup import ConfigMapData, Lookups
from ome.webhooks.metrics import WebhookMetrics
from ome.webhooks.server import webhook_app
from ome.webhooks.table import routes

SETTINGS = {
    "metricsAggregator": {"enableMetricAggregation": "true", "enablePrometheusScraping": "true"},
    "modelInit": {
        "image": "example.test/ome-agent:1",
        "authType": "InstancePrincipal",
        "compartmentId": "compartment",
        "vaultId": "vault",
        "region": "ap-osaka-1",
        "memoryRequest": "150Gi",
        "cpuRequest": "15",
    },
}


async def main(core: int) -> None:
    os.sched_setaffinity(0, {core})
    clock = SystemClock()
    # The informers never run: their stores are filled by hand, and nothing asks a server.
    nobody: Any = None
    informers = Informers(nobody, clock, random.Random(1))
    caches = declare_caches(informers, "ome")
    key = ObjectKey("ome", names.CONFIGMAP_INFERENCE_SERVICE)
    data = {name: json.dumps(value) for name, value in SETTINGS.items()}
    caches.config.store.put(key, ConfigMapData(Metadata(name=key.name, namespace="ome"), data))
    lookups = Lookups(caches, nobody, "ome")
    app = webhook_app(routes(), lookups.reading, WebhookMetrics(CollectorRegistry()), clock)
    server = HttpServer(app, "127.0.0.1", 0, self_signed_context("localhost"))
    print(await server.start(), flush=True)
    before = time.process_time()
    while line := await anyio.to_thread.run_sync(sys.stdin.readline):
        if line.strip() == "cpu":
            print(time.process_time() - before, flush=True)
    await server.stop()


anyio.run(main, int(sys.argv[1]))
