"""Fetching one model: from its storage spec to a directory that can be served from."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import anyio.to_thread
import msgspec

from ome.agent.fetch import contents
from ome.agent.fetch import manifest as manifests
from ome.agent.fetch.manifest import Manifest
from ome.agent.fetch.peers import with_peers
from ome.agent.fetch.place import default_path, place_for, tidy
from ome.agent.protocol import Config, in_a_line
from ome.modelconfig.describe import describe
from ome.modelconfig.directory import LocalDirectory
from ome.modelconfig.spec import spec_values
from ome.modelconfig.values import ConfigError
from ome.storage.download import download, list_files
from ome.storage.errors import LocalPathNotFound
from ome.storage.guard import check_address
from ome.storage.objects import source_uri
from ome.storage.registry import open_source
from ome.storage.retry import RetryPolicy
from ome.storage.settings import Credentials, Surroundings, Wishes, wishes_of
from ome.storage.transfer import disk_errors
from ome.storage.uris import AzureUri, HttpUri, LocalUri, VendorUri

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from ome.agent.fetch.place import Place
    from ome.modelconfig.record import Record
    from ome.storage.download import Progress
    from ome.storage.sources import Source
    from ome.storage.uris import StorageUri

__all__ = ["Fetched", "Job", "config_of", "fetch_model", "find_revision"]

_T = TypeVar("_T")


class Job(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One download as it is handed to a child process. Holds credentials: never logged."""

    key: str
    uri: str
    path: str = ""
    roots: list[str]
    """Directories that models may be in; a model without a path goes below the first."""
    parameters: dict[str, str] = {}
    credentials: dict[str, str] = {}
    shape: str = ""
    concurrency: int = 4
    ranges: int = 1
    """Connections over which one large file comes."""
    attempts: int = 10
    interval: float = 15.0
    again: bool = False
    """Whether to ask the source and read all files, whatever the manifest says."""
    wish: str = ""
    """What asked for ``again``; kept in the manifest, so that it is done once."""
    describe: bool = True
    promised: int = 0
    """Free bytes of the disk that other downloads will take."""
    link_to: str = ""
    """The directory of another model with the same content: link there, fetch nothing."""
    revision: str = ""
    """The content's revision, known beforehand with ``link_to``."""
    peers: list[str] = []
    """Agents that have the files, by URL, the nearest first; they are asked before the source."""
    origin: bool = True
    """Whether files that no peer gives may be fetched from the source."""
    guarded: bool = False
    """Whether addresses that the model names may only be those of other hosts."""

    def __repr__(self) -> str:
        return f"Job({self.key!r}, {self.uri!r})"

    @property
    def source(self) -> str:
        """What decides the content: equal sources need no new download."""
        wishes = self.wishes
        parts = (wishes.revision, wishes.endpoint, wishes.region, wishes.allow, wishes.ignore)
        return f"{source_uri(self.uri)!r} {parts!r} {self.shape}"

    @property
    def wishes(self) -> Wishes:
        """What the parameters ask for."""
        wishes = wishes_of(self.parameters)
        return Wishes(**{**_members(wishes), "shape": self.shape})


def _members(wishes: Wishes) -> dict[str, Any]:
    return {name: getattr(wishes, name) for name in Wishes.__slots__}


class Fetched(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A model that is on the node."""

    path: str = ""
    revision: str = ""
    files: int = 0
    size: int = 0
    fetched: bool = True
    """False when the manifest said that all is there."""
    config: Config | None = None
    config_error: str = ""


async def fetch_model(job: Job, around: Surroundings, progress: Progress) -> Fetched:
    """Make the model of the job whole on this node. Raises ``StorageError``.

    Cancelled or killed at any moment it leaves nothing half under a final name, and the next call
    fetches only what is missing.
    """

    async def in_thread(call: Callable[..., _T], *args: object) -> _T:
        with disk_errors(Path(job.path or job.roots[0])):
            return await anyio.to_thread.run_sync(call, *args, limiter=around.threads)

    uri = source_uri(job.uri)
    if isinstance(uri, VendorUri):
        return Fetched(fetched=False)
    if isinstance(uri, LocalUri):
        return await in_thread(_of_local, job, job.path or uri.path)
    root = job.roots[0]
    path = tidy(job.path) or default_path(job.uri, root)
    place = await in_thread(place_for, path, job.roots)
    with manifests.only_one(root, job.key):
        known = former = await in_thread(manifests.load, root, job.key)
        if known is not None and (known.source, known.target) != (job.source, job.link_to):
            known = None
        if job.link_to:
            found = await in_thread(_link, job, path, place)
        else:
            if known is not None and not job.again and known.path == path:
                if await in_thread(manifests.fits, known, place.path):
                    await in_thread(contents.settle, root, known)
                    return await in_thread(_finished, job, known, False)
            found = await _download(job, path, place, known, around, progress, in_thread)
        found = msgspec.structs.replace(found, left=_left(former, path))
        await in_thread(manifests.save, root, found)
        await in_thread(contents.settle, root, found)
    return await in_thread(_finished, job, found, True)


async def _download(
    job: Job,
    path: str,
    place: Place,
    known: Manifest | None,
    around: Surroundings,
    progress: Progress,
    in_thread: Any,
) -> Manifest:
    policy = RetryPolicy(job.attempts, job.interval, limited=progress.limited)
    credentials = Credentials(job.credentials, "the agent")
    wishes = job.wishes
    async with (
        AsyncExitStack() as peers,
        _opened(job, credentials, around) as source,
    ):
        listing = await list_files(source, wishes, around, policy)
        work = await in_thread(place.workplace)
        names = [file.path for file in listing.files]
        await in_thread(contents.note, job.roots[0], place.path, names)
        near = await peers.enter_async_context(with_peers(source, job.peers, job.origin, around))
        done = await download(
            near,
            listing,
            work,
            around,
            policy,
            concurrency=job.concurrency,
            known=known.files if known and not job.again else None,
            progress=progress,
            promised=job.promised,
            ranges=job.ranges,
        )
    await in_thread(place.publish, work)
    return Manifest(
        job.key,
        job.source,
        path,
        listing.revision,
        dict(done.files),
        wish=job.wish,
    )


@asynccontextmanager
async def _opened(
    job: Job, credentials: Credentials, around: Surroundings
) -> AsyncIterator[Source]:
    """The job's source. Raises ``ForbiddenAddress`` for one that the model may not name."""
    wishes = job.wishes
    if job.guarded:
        around = replace(around, guarded=True)
        named = _named_address(source_uri(job.uri), wishes)
        if named:
            await check_address(named)
    async with open_source(source_uri(job.uri), credentials, wishes, around) as source:
        yield source


def _named_address(uri: StorageUri, wishes: Wishes) -> str:
    """The URL that a model itself names to fetch from; empty for that of its store."""
    if isinstance(uri, HttpUri):
        return uri.url
    if isinstance(uri, AzureUri) and uri.endpoint and not wishes.endpoint:
        return f"https://{uri.account}.{uri.endpoint}"
    return wishes.endpoint


def _left(former: Manifest | None, path: str) -> list[str]:
    """The directories of a model that go when it has this one."""
    paths = [] if former is None else [*former.left, former.path]
    return [one for one in dict.fromkeys(paths) if one not in ("", path)]


def _link(job: Job, path: str, place: Place) -> Manifest:
    place.link(Path(job.link_to))
    return Manifest(job.key, job.source, path, job.revision, {}, job.link_to, job.wish)


async def find_revision(job: Job, around: Surroundings) -> str:
    """The commit that the source is at now; empty when it has none. Raises ``StorageError``."""
    policy = RetryPolicy(attempts=4, interval=10.0, longest=60.0, patience=60.0)
    credentials = Credentials(job.credentials, "the agent")
    async with _opened(job, credentials, around) as source:
        return (await list_files(source, job.wishes, around, policy)).revision


def _of_local(job: Job, path: str) -> Fetched:
    if not Path(path).exists():
        raise LocalPathNotFound(
            f"local model path does not exist: {path}; mount it into the agent, or mend the path"
        )
    config, problem = _config(job, path)
    return Fetched(path=path, fetched=False, config=config, config_error=problem)


def _finished(job: Job, manifest: Manifest, fetched: bool) -> Fetched:
    config, problem = _config(job, manifest.path)
    return Fetched(
        path=manifest.path,
        revision=manifest.revision,
        files=len(manifest.files),
        size=sum(fact.size for fact in manifest.files.values()),
        fetched=fetched,
        config=config,
        config_error=problem,
    )


def _config(job: Job, path: str) -> tuple[Config | None, str]:
    """What the files say, or why they say nothing; a model is served without it too."""
    if not job.describe:
        return None, ""
    try:
        return config_of(describe(LocalDirectory(path))), ""
    except ConfigError as error:
        return None, in_a_line(str(error))


def config_of(record: Record) -> Config:
    """The record as it stands in a node's entry; who owns the files is for the caller to add."""
    values = spec_values(record)
    return Config(
        model_type=values.get("modelType", ""),
        model_architecture=values.get("modelArchitecture", ""),
        model_framework=values.get("modelFramework", {}),
        model_format=values.get("modelFormat", {}),
        model_parameter_size=values.get("modelParameterSize", ""),
        max_tokens=values.get("maxTokens", 0),
        model_capabilities=values.get("modelCapabilities", []),
        decoded_model_configuration=values.get("modelConfiguration"),
        quantization=values.get("quantization", ""),
        diffusion_pipeline=values.get("diffusionPipeline"),
    )
