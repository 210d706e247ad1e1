"""kubernetes-asyncio's own list and watch of the recording; it caches nothing."""

from __future__ import annotations

import argparse
import asyncio
import json

from kubernetes_asyncio import client, config, watch

from benchmarks import _recording as recording
from benchmarks.clients import _moments as moments

SELECTOR = "models.ome/basemodel-status=true"


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kubeconfig", required=True)
    wanted = parser.parse_args()
    await config.load_kube_config(wanted.kubeconfig)
    async with client.ApiClient() as api:
        core = client.CoreV1Api(api)
        before = moments.now()
        found = await core.list_namespaced_config_map(recording.NAMESPACE, label_selector=SELECTOR)
        objects = len(found.items)
        version = found.metadata.resource_version
        del found
        listed = moments.now()
        async with watch.Watch() as watching:
            stream = watching.stream(
                core.list_namespaced_config_map,
                recording.NAMESPACE,
                label_selector=SELECTOR,
                resource_version=version,
            )
            async for event in stream:
                if event["object"].metadata.name == recording.END:
                    break
            ended = moments.now()
    print(json.dumps({"before": before, "listed": listed, "ended": ended, "objects": objects}))


if __name__ == "__main__":
    asyncio.run(main())
