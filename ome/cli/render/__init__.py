"""``ome render``: the objects that services of files would have, or how a cluster's differ."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import anyio

from ome.cli.goflags import Flag, parse
from ome.cli.manifests import files, read
from ome.cli.offline import admitted, refuse_broken
from ome.cli.output import form_of, name_of, names_text, output_flags, written
from ome.cli.reading import CLUSTER_FLAGS, Where, context_namespace, reading
from ome.cli.render.difference import difference
from ome.cli.render.plans import PAUSED, NoChildren, Rendered, render, settings_in
from ome.errors import UserError
from ome.telemetry.logging import LogSettings, configure_logging

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ome.cli.manifests import Manifest

__all__ = ["run"]

FLAGS = (
    Flag("f", (), "a file, a directory of manifests, or - for standard input", many=True),
    Flag("filename", (), "the same as -f", many=True),
    Flag("n", "", "namespace of objects that name none (default: default)"),
    Flag("namespace", "", "the same as -n"),
    Flag("against", "", "cluster: compare with the cluster of the kubeconfig", ("", "cluster")),
    Flag("operator-namespace", "ome", "where the ConfigMap inferenceservice-config is"),
    *output_flags("yaml", "json", "name"),
    *CLUSTER_FLAGS,
)
_MORE = """
Examples:
  ome render -f service.yaml -f model.yaml -f runtimes/
  ome render -f service.yaml --against cluster

With --against cluster, models, runtimes, classes and settings that the files do not have are the
cluster's. Nothing is written. A cluster whose DNS domain is not cluster.local is told of by the
environment variable CLUSTER_DOMAIN.

Exit code: 0 rendered, and with --against no difference; 1 a difference, or a service that cannot
be made; 2 the command or a file is wrong; 3 the cluster refuses or does not answer."""


def run(words: Sequence[str]) -> int:
    """Render the services of the files; the exit code."""
    flags = parse("ome render", FLAGS, words, words_as="f", takes="-f FILE", more=_MORE)
    given = (*flags["f"], *flags["filename"])
    if not given:
        raise UserError("ome render: name the files to render: ome render -f FILE...")
    configure_logging(LogSettings(level="error"))  # the log of planning is no concern here
    manifests = [manifest for file in dict.fromkeys(files(given)) for manifest in read(file)]
    refuse_broken("ome render", manifests)
    namespace = flags["namespace"] or flags["n"]
    form = form_of(flags)
    if flags["against"]:
        if form != "yaml":
            raise UserError(
                f"ome render: -o={form}: with --against a difference is printed, in one form alone"
            )
        namespace = namespace or context_namespace(Where.of(flags))
        return anyio.run(_against, flags, manifests, namespace)
    documents = admitted(manifests, namespace or "default")
    rendered = render(documents, documents, settings_in(manifests), NoChildren())
    sys.stdout.write(_text(rendered, form))
    for item in rendered:
        if item.waits:
            sys.stderr.write(
                f"InferenceService {item.service}: shown without the place of its model:"
                f" {item.waits}\n"
            )
    return _told(rendered)


def _text(rendered: Sequence[Rendered], form: str) -> str:
    documents = [_orphaned(document) for item in rendered for document in item.objects]
    if form == "name":
        return names_text(
            name_of(item["kind"], item["metadata"]["name"], item["apiVersion"].rpartition("/")[0])
            for item in documents
        )
    if form == "json":
        return written({"apiVersion": "v1", "kind": "List", "items": documents}, form)
    return "".join(f"---\n{written(document, form)}" for document in documents)


def _orphaned(document: dict[str, Any]) -> dict[str, Any]:
    """Without its owner: a service in a file has no uid yet."""
    metadata = {**document["metadata"]}
    metadata.pop("ownerReferences", None)
    return {**document, "metadata": metadata}


def _told(rendered: Sequence[Rendered]) -> int:
    if not rendered:
        raise UserError("ome render: no InferenceService in the files; name one with -f")
    for item in rendered:
        if item.problem:
            sys.stderr.write(f"InferenceService {item.service}: {item.problem}\n")
    return 1 if any(item.problem for item in rendered) else 0


async def _against(flags: Mapping[str, Any], manifests: list[Manifest], namespace: str) -> int:
    from ome.cli.render.cluster import around, children_of  # loads an HTTP client

    documents = admitted(manifests, namespace)
    async with reading("ome render", Where.of(flags), 120) as client:
        held, settings = await around(client, documents, flags["operator-namespace"])
        children = await children_of(client, documents)
    settings = settings_in(manifests) or settings
    rendered = render(documents, held, settings, children)
    texts: list[str] = []
    for item in rendered:
        told = list(difference(item, children))
        if item.waits:
            told = [f"# InferenceService {item.service}: nothing is written yet: {item.waits}\n"]
        if item.paused and told:
            texts.append(f"# InferenceService {item.service} {PAUSED}; then:\n")
        texts += told
    sys.stdout.write("".join(texts))
    return _told(rendered) or (1 if texts else 0)
