"""One try at having a model on the node: as little work as makes it Ready.

A model that is Ready stays so while its files are only looked at: it becomes Updating when the
first of them turns out to be missing. A failure that says nothing of the files, such as a hub that
is away, leaves it Ready too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import msgspec
import structlog

from ome.agent.fetch.model import Job
from ome.agent.fetch.peers import NoPeer, PeersBusy
from ome.agent.models import OBJECT_STORES
from ome.agent.owning import check_change, check_links, check_path, shared_files, still_owns
from ome.agent.protocol import FAILED, READY, UPDATING, Artifact, Config, Entry, EntryError
from ome.agent.removing import clear_owner, clear_path, leave_owner
from ome.agent.retries import OF_THE_SOURCE, entry_error, metric_of
from ome.agent.sharing import Owner, artifact_of, children, with_artifact
from ome.api import names
from ome.errors import StorageError
from ome.storage.objects import source_uri
from ome.storage.settings import Credentials

if TYPE_CHECKING:
    from ome.agent.disk import Held
    from ome.agent.fetch.model import Fetched
    from ome.agent.models import Model
    from ome.agent.owning import Shared
    from ome.agent.post import Post
    from ome.agent.protocol import Progress

__all__ = ["Keeper"]

_LONGEST_TURN = 30.0
_TOLD_SECONDS = 10.0
"""How long a seed keeps its place until the others can see that it has the model."""
log = structlog.get_logger("agent")


class Keeper:
    """One try for one model."""

    def __init__(self, post: Post, model: Model) -> None:
        self._post = post
        self._model = model
        self._key = model.report_key
        self._credentials = Credentials()
        self._quiet = False
        self._unknown = False
        """Whether this node remembers nothing of files that its entry calls Ready."""
        self._asks = False
        """Whether the node's moment to ask the source has come."""
        self._said = float("-inf")
        self._before = 0

    async def ensure(self) -> None:
        """Make the model Ready. Raises ``StorageError``."""
        try:
            await self._ensure()
        finally:
            self._post.linking.pop(self._key, None)

    async def _ensure(self) -> None:
        post, model, entry = self._post, self._model, self._entry
        ready, before = entry is not None and entry.status == READY, artifact_of(entry)
        if model.scheme == "vendor":
            self._report(Entry(model.key.name, READY))
            if not ready:
                self._count(0.0)
            await self._leave(None)
            return
        # What nobody can read stays Failed with every try: no state in between is said of it.
        source_uri(model.uri)
        self._credentials = await post.credentials(model)
        job = self._job()
        await check_path(post, model, job)
        await check_links(post, model, job)
        started = post.clock.monotonic()
        held = await post.disk.held(self._key)
        post.metrics.verify_seconds.observe(post.clock.monotonic() - started)
        owner = await shared_files(post, model, job, held, self._revision)
        # Without a pause until it is noted: two that find each other must not both become links.
        if owner is not None and not still_owns(post, owner):
            owner = None
        if owner is not None:
            post.linking[self._key] = owner.key
            job = msgspec.structs.replace(job, link_to=owner.path, revision=owner.revision)
        elif held is not None and model.redownload not in ("", held.manifest.wish):
            job = msgspec.structs.replace(job, again=True)
        settled = not job.again and held is not None and _same(held, job)
        if settled and held is not None and held.whole and self._told_all(entry):
            if not held.manifest.left:
                return
        self._unknown = ready and held is None
        self._quiet = ready and not job.again and (settled or held is None)
        if not self._quiet:
            self._updating(None)
        there = settled and held is not None and held.whole
        try:
            if there or owner is not None or not model.own_files:
                async with post.workers:
                    done = await self._download(job)
            else:
                done = await self._in_turn(job)
        except StorageError:
            if owner is None or await post.disk.is_dir(owner.path):
                raise
            # The files that were to be shared went meanwhile: then it gets its own.
            await self._ensure()
            return
        self._succeeded(done, owner)
        if done.fetched and owner is None:
            self._count_bytes(done.size)
        if done.fetched or not ready:
            self._count(post.clock.monotonic() - started)
            log.info("model.ready", node=post.node, model=str(model.key), fetched=done.fetched)
        await self._leave(job.path)
        await self._leave_owners(before, held.manifest.path if held is not None else job.path)

    async def _leave(self, path: str | None) -> None:
        """Remove the files of the paths that the model had before; now it has this one, or none."""
        disk, now = self._post.disk, await self._post.disk.manifest(self._key)
        if now is None:
            return
        for former in dict.fromkeys([*now.left, now.path]):
            if former in ("", path):
                continue
            if path is not None and await disk.overlap(former, path):
                # The same place by another way, or one within the other.
                async with self._post.only_one(former):
                    await disk.sweep(former)
            else:
                await clear_path(self._post, self._model, former, self._key)
        if not self._model.own_files:
            await disk.forget(self._key)
        elif now.left:
            await disk.cleared(now)

    async def _leave_owners(self, before: Artifact, former: str) -> None:
        """Take the link at ``former`` out of what owners know, unless it still is one to them."""
        post, now = self._post, artifact_of(self._entry).parent_path or {}
        moved = former != post.path_of(self._model)
        for key, directory in (before.parent_path or {}).items():
            if key != self._key and (moved or key not in now):
                leave_owner(post, key, post.disk.shown(former))
            if key not in (self._key, *now):
                reserved = before.reserved is True
                await clear_owner(post, self._model, key, directory, reserved=reserved)

    async def failed(self, error: StorageError, pause: float) -> None:
        """Say why a try failed, and give back its room when there was too little."""
        post, metrics, labels = self._post, self._post.metrics, self._post.metrics.of(self._model)
        metrics.failed.labels(*labels).inc()
        metrics.errors.labels(*labels, metric_of(error, self._model.scheme)).inc()
        if error.reason == "checksum_mismatch":
            metrics.verifications.labels(*labels, "failure").inc()
            metrics.md5_failed.labels(*labels).inc()
        if error.reason == "rate_limited":
            metrics.rate_limited.labels(*labels).inc()
            self._limited(pause)
        if self._quiet and self._unknown and error.reason in OF_THE_SOURCE:
            return
        said = entry_error(error, self._credentials.problem)
        config = None if self._entry is None else self._entry.config
        self._report(Entry(self._model.key.name, FAILED, self._path_said, said, config))
        path = post.path_of(self._model)
        if error.reason == "disk_full":
            try:
                # Where another model is at work by now, what is there is its own.
                if not await post.is_busy(path):
                    async with post.only_one(path):
                        await post.disk.discard(path)
            except StorageError as problem:
                log.warning("model.not_discarded", node=post.node, problem=str(problem))

    @property
    def _entry(self) -> Entry | None:
        return self._post.reporter.entry(self._key)

    @property
    def _path_said(self) -> str:
        """What the entry says of the path: nothing while the spec says it."""
        return self._model.path_to_tell(self._post.settings.root)

    def _job(self) -> Job:
        post, model = self._post, self._model
        settings, hub = post.settings, model.scheme == "hf"
        path = post.path_of(model)
        if model.scheme == "local":
            path = post.disk.real(model.storage.get("path") or model.uri.removeprefix("local://"))
        return Job(
            key=self._key,
            uri=model.uri,
            path=path,
            roots=post.disk.roots,
            parameters=dict(model.parameters),
            credentials=dict(self._credentials.values),
            shape=post.shape_for(model),
            concurrency=settings.concurrency if hub else settings.object_concurrency,
            ranges=settings.object_ranges if model.scheme in OBJECT_STORES else 1,
            attempts=settings.attempts if hub else settings.object_attempts,
            interval=settings.retry_seconds,
            wish=model.redownload,
            describe=not model.skip_parsing,
            guarded=True,
        )

    def _told_all(self, entry: Entry | None) -> bool:
        """Whether the entry is Ready and says what the files do."""
        if entry is None or entry.status != READY or entry.path != self._path_said:
            return False
        described = entry.config is not None and bool(entry.config.model_format)
        problem = entry.error is not None and entry.error.reason == names.REASON_CONFIG_PARSE_FAILED
        return described != self._model.skip_parsing or problem

    def _updating(self, progress: Progress | None) -> None:
        before = self._entry
        self._report(
            Entry(
                self._model.key.name,
                UPDATING,
                self._path_said,
                None if before is None else before.error,
                None if before is None else before.config,
                progress,
            )
        )

    def _report(self, entry: Entry) -> None:
        self._post.reporter.report(self._key, self._model.label, entry)

    async def _revision(self, job: Job) -> str:
        """The commit that the source is at."""
        if self._entry is None:
            self._updating(None)
        await self._spread()
        return await self._post.downloads.revision(job)

    async def _spread(self) -> None:
        """Wait for the node's own moment to ask the source for the first time in this try."""
        wait, self._asks = not self._asks, True
        if wait:
            await self._post.clock.sleep(await self._post.turns.delay(self._model))

    async def _in_turn(self, job: Job) -> Fetched:
        """Download when a worker is free and the other nodes leave us the turn."""
        post, wait, origin = self._post, self._post.settings.turn_seconds, False
        if not self._quiet:
            await self._spread()
        while True:
            async with post.workers, post.turns.take(self._model, origin) as turn:
                if turn is not None:
                    now = msgspec.structs.replace(job, peers=list(turn.peers), origin=turn.origin)
                    try:
                        done = await self._download(now)
                        if turn.seed:
                            await self._tell_others(done)
                        return done
                    except StorageError as error:
                        if error.reason not in (NoPeer.reason, PeersBusy.reason):
                            raise
                        origin = error.reason == NoPeer.reason
            await post.clock.sleep(wait * post.rng.uniform(0.5, 1.5))
            wait = min(wait * 2, _LONGEST_TURN)

    async def _tell_others(self, done: Fetched) -> None:
        """Be found as a peer before the place of a seed is given up to the next."""
        self._succeeded(done, None)
        with anyio.move_on_after(_TOLD_SECONDS):
            await self._post.reporter.labelled()

    async def _download(self, job: Job) -> Fetched:
        post = self._post
        async with post.only_one(job.path):
            # Somebody else may have come to have the directory while we waited for it.
            await check_path(post, self._model, job)
            await check_change(post, self._model, job)
            others = sum(post.promised.values())
            try:
                job = msgspec.structs.replace(job, promised=others)
                return await post.downloads.fetch(job, self._progress, self._limited)
            finally:
                post.promised.pop(self._key, None)

    def _progress(self, progress: Progress) -> None:
        """Say how far the download is, not too often, and only when it is one."""
        self._post.promised[self._key] = max(progress.total_bytes - progress.completed_bytes, 0)
        if progress.phase == names.PHASE_SCANNING and self._quiet:
            return
        now, self._quiet = self._post.clock.monotonic(), False
        spent = now - self._said
        if spent < self._post.settings.progress_seconds:
            return
        came = max(progress.completed_bytes - self._before, 0)
        speed = round(came / spent, 1) if self._before else progress.speed_bytes_per_sec
        self._said, self._before = now, progress.completed_bytes
        self._updating(msgspec.structs.replace(progress, speed_bytes_per_sec=speed))

    def _limited(self, seconds: float) -> None:
        metrics = self._post.metrics
        metrics.rate_waits.labels(*metrics.of(self._model)).observe(seconds)

    def _count(self, seconds: float) -> None:
        """One more success; that a model is as it was is none."""
        metrics, labels = self._post.metrics, self._post.metrics.of(self._model)
        metrics.succeeded.labels(*labels).inc()
        metrics.seconds.labels(*labels).observe(seconds)

    def _count_bytes(self, size: int) -> None:
        metrics, labels = self._post.metrics, self._post.metrics.of(self._model)
        metrics.bytes.labels(*labels).inc(size)
        metrics.verifications.labels(*labels, "success").inc()

    def _succeeded(self, done: Fetched, owner: Shared | None) -> None:
        post, model = self._post, self._model
        before = artifact_of(self._entry)
        path = post.disk.shown(done.path)
        artifact = Artifact()
        if model.own_files and done.revision:
            parent = Owner(self._key, path) if owner is None else owner.as_parent(post)
            stays = parent.key in (before.parent_path or {})
            artifact = Artifact(
                done.revision,
                {parent.key: parent.path},
                before.children_paths,
                before.reserved if stays else msgspec.UNSET,
            )
        error = EntryError(names.REASON_CONFIG_PARSE_FAILED, done.config_error)
        if not done.config_error:
            problem = self._credentials.problem
            error = EntryError(names.REASON_CREDENTIALS_NOT_FOUND, problem)
        config = msgspec.structs.replace(done.config or Config(), artifact=artifact)
        said = error if error.message else None
        self._report(Entry(model.key.name, READY, self._path_said, said, config))
        if owner is not None:
            self._join(owner.key, path)

    def _join(self, key: str, path: str) -> None:
        """Note our link in the owner's entry; an owner that is gone has none."""
        entry = self._post.reporter.entry(key)
        if entry is not None:
            artifact = children(artifact_of(entry), add=path)
            self._post.reporter.amend(key, with_artifact(entry, artifact))


def _same(held: Held, job: Job) -> bool:
    """Whether what is held is what the job would make."""
    manifest = held.manifest
    return (manifest.source, manifest.path, manifest.target) == (job.source, job.path, job.link_to)
