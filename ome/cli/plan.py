"""``ome plan``: which services of a cluster an edit would restart, before it is made."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import anyio

from ome.cli.goflags import Flag, parse
from ome.cli.manifests import files, read
from ome.cli.offline import admitted, refuse_broken
from ome.cli.output import form_of, name_of, names_text, output_flags, written
from ome.cli.reading import CLUSTER_FLAGS, Where, context_namespace, reading
from ome.cli.render.effects import Effect, effects
from ome.cli.render.plans import render, settings_in
from ome.cli.render.room import Room
from ome.errors import UserError
from ome.telemetry.logging import LogSettings, configure_logging

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ome.cli.manifests import Manifest

__all__ = ["run", "told_as"]

FLAGS = (
    Flag("f", (), "a file, a directory of manifests, or - for standard input", many=True),
    Flag("filename", (), "the same as -f", many=True),
    Flag("n", "", "namespace of objects that name none (default: that of the context)"),
    Flag("namespace", "", "the same as -n"),
    Flag("operator-namespace", "ome", "where the ConfigMap inferenceservice-config is"),
    *output_flags(),
    *CLUSTER_FLAGS,
)
_MORE = """
Examples:
  ome plan -f runtime.yaml
  kubectl get clusterservingruntime sglang-llama -o yaml | sed s/v0.5.5/v0.5.6/ | ome plan -f -

The files are an edit of runtimes, models, accelerator classes, weights, services or settings. Each
service that it changes is a line: whose pods are replaced, and for which no node has the devices.
Nothing is written.

Exit code: 0 all would come up, 1 something would not, 2 the command or a file is wrong,
3 the cluster refuses or does not answer."""


def run(words: Sequence[str]) -> int:
    """Tell the effects of an edit; the exit code."""
    flags = parse("ome plan", FLAGS, words, words_as="f", takes="-f FILE", more=_MORE)
    given = (*flags["f"], *flags["filename"])
    if not given:
        raise UserError("ome plan: name the files of the edit: ome plan -f FILE...")
    configure_logging(LogSettings(level="error"))  # the log of planning is no concern here
    manifests = [manifest for file in dict.fromkeys(files(given)) for manifest in read(file)]
    refuse_broken("ome plan", manifests)
    return anyio.run(_effects, flags, manifests)


async def _effects(flags: Mapping[str, Any], manifests: list[Manifest]) -> int:
    from ome.cli.render.cluster import read_all  # loads an HTTP client

    namespace = flags["namespace"] or flags["n"] or context_namespace(Where.of(flags))
    edit = admitted(manifests, namespace)
    async with reading("ome plan", Where.of(flags), 300) as client:
        held = await read_all(client, flags["operator-namespace"], edit)
    after = [*held.documents, *held.edit]
    before = render(after, held.documents, held.settings, held.children)
    changed = render(after, after, settings_in(manifests) or held.settings, held.children)
    found = list(effects(before, changed, held.children, Room(held.nodes, held.pods)))
    sys.stdout.write(told_as(found, form_of(flags)))
    count = len({effect.service for effect in found})
    sys.stderr.write("1 service changes\n" if count == 1 else f"{count} services change\n")
    return 1 if any(effect.stuck for effect in found) else 0


def told_as(found: Sequence[Effect], form: str) -> str:
    """The effects as ``-o`` wants them."""
    if form == "table":
        return "".join(f"{effect.line}\n" for effect in found)
    if form == "name":
        return names_text(name_of("InferenceService", effect.service.name) for effect in found)
    effects_ = [
        {
            "namespace": effect.service.namespace,
            "name": effect.service.name,
            "effect": effect.text,
            "comesUp": not effect.stuck,
        }
        for effect in found
    ]
    return written(effects_, form)
