"""``ome why``: what is the matter with a service, a model or a weight, and what has happened."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import anyio
from rich.console import Console

from ome.api import names
from ome.cli.goflags import Flag, parse
from ome.cli.output import form_of, name_of, output_flags, written
from ome.cli.reading import CLUSTER_FLAGS, Where, context_namespace, reading
from ome.cli.why.facts import gather, gather_model, locate
from ome.cli.why.model import model_story
from ome.cli.why.picture import show
from ome.cli.why.service import service_story
from ome.clock import SystemClock
from ome.controllers.resources import INFERENCE_SERVICES
from ome.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ome.cli.why.story import Story

__all__ = ["run"]

FLAGS = (
    Flag(
        "name",
        (),
        "SERVICE, MODEL or WEIGHT; isvc/NAME, model/NAME, weight/NAME tell which",
        many=True,
    ),
    Flag("n", "", "namespace (default: that of the kubeconfig's context)"),
    Flag("namespace", "", "the same as -n"),
    *output_flags(),
    Flag("all", False, "all that happened and every download, not only what fits a screen"),
    Flag("operator-namespace", names.DEFAULT_NAMESPACE, "namespace that the operator runs in"),
    *CLUSTER_FLAGS,
)
_MORE = """
Examples:
  ome why chat -n demo
  ome why model/llama-3-3-70b-instruct -o json

Exit code: 0 nothing is wrong, 1 something is, 2 the command is wrong, 3 the cluster
refuses or does not answer."""
_WIDTH_OF_FILES = 120


def run(words: Sequence[str]) -> int:
    """Tell of one object; the exit code."""
    flags = parse("ome why", FLAGS, words, words_as="name", takes="NAME", more=_MORE)
    if len(flags["name"]) != 1 or flags["name"][0].endswith("/"):
        raise UserError("ome why: expected one name: ome why SERVICE|MODEL|WEIGHT (see --help)")
    clock = SystemClock()
    story = anyio.run(_story, flags, clock.wall())
    form = form_of(flags)
    if form == "name":
        kind, _, place = story.subject.partition(" ")
        sys.stdout.write(f"{name_of(kind, place.rpartition('/')[2])}\n")
    elif form != "table":
        sys.stdout.write(written(story.document(), form))
    else:
        width = None if sys.stdout.isatty() else _WIDTH_OF_FILES
        show(story, Console(highlight=False, width=width), clock.wall(), every=flags["all"])
    return 0 if story.well else 1


async def _story(flags: Mapping[str, Any], now: float) -> Story:
    (name,) = flags["name"]
    namespace = flags["namespace"] or flags["n"] or context_namespace(Where.of(flags))
    operator = flags["operator-namespace"]
    async with reading("ome why", Where.of(flags), 60) as client:
        target = await locate(client, name, namespace)
        if target.resource is INFERENCE_SERVICES:
            return service_story(await gather(client, target, now, operator))
        return model_story(await gather_model(client, target, now, operator))
