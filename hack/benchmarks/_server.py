"""An API server that only replays: a recorded list and, on a watch, a recorded stream over TLS.

Run as a process of its own (``python -m benchmarks._server``), so that its work is not counted. It
prints its port. Everything is encoded before the first request; each event is one chunk. The stream
begins a while after the watch, so that a client can take its time between both.
"""

from __future__ import annotations

import argparse
import asyncio
import ssl
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from benchmarks import _recording as recording

PAUSE = 3.0
"""Seconds between the request for a watch and its first event."""
_BATCH = 16


class Recorded:
    """All answers, as bytes."""

    def __init__(self, nodes: int, events: int) -> None:
        fleet = recording.Fleet(nodes)
        bare = [
            {name: value for name, value in item.items() if name not in ("apiVersion", "kind")}
            for item in fleet.objects()
        ]
        self.lists = {
            "configmaps": [recording.encode(item) for item in bare],
            "clusterbasemodels": [recording.encode(item) for item in recording.models()],
            "nodes": [recording.encode(item) for item in recording.nodes(nodes)],
        }
        self.version = str(fleet.version)
        stream = [fleet.event(number) for number in range(events)]
        self.stream = [chunk(recording.encode(event) + b"\n") for event in [*stream, fleet.end()]]

    def page(self, resource: str, query: dict[str, str]) -> bytes:
        """A list, or a page of it."""
        items = self.lists.get(resource, [])
        begin = int(query.get("continue", 0))
        limit = int(query.get("limit", 0)) or len(items)
        end = begin + limit
        metadata = {"resourceVersion": self.version}
        if end < len(items):
            metadata["continue"] = str(end)
        kinds = {"configmaps": "ConfigMapList", "nodes": "PartialObjectMetadataList"}
        head = {"kind": kinds.get(resource, "List"), "apiVersion": "v1", "metadata": metadata}
        body = recording.encode(head)[:-1] + b',"items":['
        return body + b",".join(items[begin:end]) + b"]}"


def chunk(body: bytes) -> bytes:
    return f"{len(body):x}\r\n".encode() + body + b"\r\n"


class Handler:
    """Serves one connection."""

    def __init__(self, recorded: Recorded) -> None:
        self._recorded = recorded

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        target = urlsplit(head.split(b" ", 2)[1].decode())
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        # By name only the operator's settings are asked for, and there are none here.
        resource = "" if "fieldSelector" in query else target.path.rsplit("/", 1)[-1]
        if "sendInitialEvents" in query:  # what is recorded is a list and a stream
            refusal = recording.encode(
                {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Invalid",
                 "code": 422, "message": "streaming lists are not served here"}
            )  # fmt: skip
            _answer(writer, "422 Unprocessable Entity", refusal)
        elif query.get("watch", "").lower() in ("true", "1"):
            await self._watch(resource, writer)
            return False
        else:
            _answer(writer, "200 OK", self._recorded.page(resource, query))
        return True

    async def _watch(self, resource: str, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        await writer.drain()
        if resource == "configmaps":
            await asyncio.sleep(PAUSE)
            for number, event in enumerate(self._recorded.stream):
                writer.write(event)
                if number % _BATCH == 0:
                    await writer.drain()
        await writer.drain()
        await asyncio.sleep(3600)


def _answer(writer: asyncio.StreamWriter, status: str, body: bytes) -> None:
    writer.write(
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
    )
    writer.write(body)


async def serve(recorded: Recorded, cert: Path, key: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server = await asyncio.start_server(Handler(recorded), "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nodes", type=int, required=True)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--cert", type=Path, required=True)
    parser.add_argument("--key", type=Path, required=True)
    wanted = parser.parse_args()
    recorded = Recorded(wanted.nodes, wanted.events)
    try:
        asyncio.run(serve(recorded, wanted.cert, wanted.key))
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
