"""``ome explain``: the runtime and accelerator of a service or model, and why not the others."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import anyio
from rich.console import Console

from ome import api
from ome.cli.explain.account import Account, explain, find_target
from ome.cli.explain.objects import read_cluster, read_files, read_workloads, stores
from ome.cli.explain.picture import show
from ome.cli.goflags import Flag, parse
from ome.cli.output import form_of, name_of, names_text, output_flags, written
from ome.cli.reading import CLUSTER_FLAGS, Where, context_namespace, reading
from ome.clock import SystemClock
from ome.controllers.decode import KindDecoder, Unreadable
from ome.controllers.inferenceservice.world import World
from ome.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ome.api.schema import KindObject
    from ome.cli.render.cluster import Found
    from ome.controllers.inferenceservice.world import Sources

__all__ = ["run"]

FLAGS = (
    Flag("name", (), "SERVICE or MODEL; isvc/NAME and model/NAME tell which", many=True),
    Flag("f", (), "file, directory or - with the objects, instead of a cluster", many=True),
    Flag("filename", (), "the same as -f", many=True),
    Flag("n", "", "namespace (default: that of the kubeconfig's context)"),
    Flag("namespace", "", "the same as -n"),
    *output_flags(),
    Flag("all", False, "list every runtime, not only the first and the closest"),
    *CLUSTER_FLAGS,
)
_MORE = """
Examples:
  ome explain chat -n demo
  ome explain model/llama-3-3-70b-instruct -o json
  ome explain chat -f service.yaml -f runtimes/

Exit code: 0 something fits, 1 nothing does, 2 the command or a file is wrong,
3 the cluster refuses or does not answer."""
_KINDS: tuple[type[KindObject], ...] = (
    api.InferenceService,
    api.BaseModel,
    api.ClusterBaseModel,
    api.ServingRuntime,
    api.ClusterServingRuntime,
    api.AcceleratorClass,
    api.FineTunedWeight,
)
_WIDTH_OF_FILES = 120


def run(words: Sequence[str]) -> int:
    """Explain one object; the exit code."""
    flags = parse("ome explain", FLAGS, words, words_as="name", takes="NAME", more=_MORE)
    if len(flags["name"]) != 1 or flags["name"][0].endswith("/"):
        raise UserError("ome explain: expected one name: ome explain SERVICE|MODEL (see --help)")
    account = anyio.run(_account, flags)
    form = form_of(flags)
    if form == "name":
        sys.stdout.write(names_text(_names(account)))
        if account.problem:  # no name says nothing
            sys.stderr.write(f"ome explain: {account.problem}\n")
    elif form != "table":
        sys.stdout.write(written(account.document(), form))
    else:
        terminal = sys.stdout.isatty()
        console = Console(highlight=False, width=None if terminal else _WIDTH_OF_FILES)
        show(account, console, every=flags["all"])
    return 1 if account.problem else 0


def _names(account: Account) -> Iterator[str]:
    """The runtime that is chosen, if one is."""
    if account.selection is not None:
        chosen = account.selection.runtime
        kind = api.ServingRuntime if chosen.namespace else api.ClusterServingRuntime
        yield name_of(kind.KIND, chosen.name)


async def _account(flags: Mapping[str, Any]) -> Account:
    (name,) = flags["name"]
    given = flags["namespace"] or flags["n"]
    files = (*flags["f"], *flags["filename"])
    clock, existing = SystemClock(), None
    if files:
        documents = read_files(files, given or "default")
        namespace = given or _namespace_in(documents, name)
    else:
        namespace = given or context_namespace(Where.of(flags))
        documents, existing = await _from_cluster(
            Where.of(flags), namespace, name.rpartition("/")[2]
        )
    sources, decode = stores(documents, clock), KindDecoder()
    _tell_unreadable(sources, decode)
    subject, service = find_target(sources, decode, name, namespace)
    return explain(World(sources, decode), subject, service, existing)


def _namespace_in(documents: Sequence[Mapping[str, Any]], name: str) -> str:
    """The one namespace that has a service or model of this name in the files."""
    bare = name.rpartition("/")[2]
    found = {
        document["metadata"]["namespace"]
        for document in documents
        if document["kind"] in ("InferenceService", "BaseModel")
        and document["metadata"]["name"] == bare
    }
    if len(found) > 1:
        raise UserError(
            f"ome explain: {bare} is in namespaces {', '.join(sorted(found))}; choose one with -n"
        )
    return found.pop() if found else "default"


async def _from_cluster(
    where: Where, namespace: str, name: str
) -> tuple[list[dict[str, Any]], Found]:
    async with reading("ome explain", where, 60) as client:
        documents = await read_cluster(client, namespace, name)
        return documents, await read_workloads(client, namespace, name)


def _tell_unreadable(sources: Sources, decode: KindDecoder) -> None:
    """One line on stderr for each object that selection will leave out."""
    held = (
        sources.services,
        sources.base_models,
        sources.cluster_base_models,
        sources.serving_runtimes,
        sources.cluster_serving_runtimes,
        sources.accelerator_classes,
        sources.fine_tuned_weights,
    )
    for kind, store in zip(_KINDS, held, strict=True):
        for stored in store.values():
            try:
                decode(kind, stored)
            except Unreadable as error:
                sys.stderr.write(f"ome explain: left out: {error}\n")
