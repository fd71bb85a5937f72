# What is exported is what the journal tells of, no more: a file that no event names is
# not in it. What cannot be read as it was written is named as left out.
"""Make a bundle of a run."""

import hashlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast, final

import attrs

from crew_actors import __version__
from crew_actors.journal import (
    AfterGap,
    JournalMissing,
    RunFolder,
    advance_over,
    effective_status,
    encode,
    read_events,
)
from crew_actors.model import Artifact, Event, Recorded, RunCreated, RunState
from crew_actors.store._bundle import (
    JOURNAL,
    LIMITS,
    MANIFEST,
    MANIFESTS,
    PLAN,
    SCHEMA,
    SUMMARY,
    BundledFile,
    BundledTask,
    BundleLimits,
    LeftOut,
    Manifest,
)
from crew_actors.store._errors import BundleTooLarge
from crew_actors.store._inside import NotReadable, read_inside
from crew_actors.store._outgoing import Outgoing, target_of, write_outgoing
from crew_actors.store._traces import project_of

_DATE: Final = (1980, 1, 1, 0, 0, 0)  # the first that a zip file can hold
_MODE: Final = 0o600 << 16


@final
@attrs.frozen(kw_only=True)
class Exported:
    """A bundle that was written."""

    path: Path
    size: int
    """Bytes."""
    sha256: str
    manifest: Manifest


def export_run(
    folder: RunFolder,
    target: Path | None,
    *,
    home: Path,
    limits: BundleLimits = LIMITS,
) -> Exported:
    """Write the run as it is now into one file; without *target* in `.crew/exports`.

    Secrets are masked, and the *home* folder is `~`. Blocks on the disk.

    Raises:
      TargetInTheWay: there is a file at *target*.
      UnsafeFolder: a link stands where exports belong.
      BundleTooLarge: the run has more than a bundle may hold. Nothing was written.
      JournalError: the run cannot be read. Nothing was written.
      OSError: the bundle cannot be written. Nothing of it is left.
    """
    exports = project_of(folder) / ".crew" / "exports"
    path, replace = target_of(target, exports, f"{folder.run}.zip")
    work = _Export(folder, Outgoing(home), limits)
    write_outgoing(path, work.write, replace=replace)
    assert work.manifest is not None, "it was written"
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Exported(
        path=path, size=path.stat().st_size, sha256=digest, manifest=work.manifest
    )


@attrs.define(eq=False)
class _Export:
    """One bundle while it is written."""

    folder: RunFolder
    outgoing: Outgoing
    limits: BundleLimits
    manifest: Manifest | None = attrs.field(default=None, init=False)
    _files: list[BundledFile] = attrs.field(factory=list[BundledFile], init=False)
    _left_out: list[LeftOut] = attrs.field(factory=list[LeftOut], init=False)
    _artifacts: dict[str, Artifact] = attrs.field(
        factory=dict[str, Artifact], init=False
    )
    _size: int = attrs.field(default=0, init=False)

    def write(self, file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bundle:
            state = self._journal(bundle)
            self._plan(bundle, state)
            for path in sorted(self._artifacts):
                self._artifact(bundle, path)
            if state.summary is not None and state.summary not in self._artifacts:
                self._stored(bundle, state.summary, SUMMARY)
            self.manifest = self._manifest(state)
            self._add(bundle, MANIFEST, MANIFESTS.encode(self.manifest))

    def _journal(self, bundle: zipfile.ZipFile) -> RunState:
        """Write the events, and fold them."""
        state: RunState | None = None
        digest, size = hashlib.sha256(), 0
        with bundle.open(_member(JOURNAL), "w") as file:
            for recorded in read_events(self.folder):
                state = advance_over(state, recorded)
                for artifact in _artifacts_of(recorded.event):
                    self._artifacts[artifact.path] = artifact
                line = self._line(recorded)
                size += len(line)
                self._count(JOURNAL, size, len(line))
                digest.update(line)
                file.write(line)
        if state is None:
            raise JournalMissing(self.folder.database, "the run never began")
        one = BundledFile(path=JOURNAL, size=size, sha256=digest.hexdigest())
        self._files.append(one)
        return state

    def _line(self, recorded: Recorded) -> bytes:
        fields: dict[str, object] = {
            "seq": recorded.seq,
            "at": recorded.at,
            "event": self._plain(recorded.event),
        }
        if isinstance(recorded, AfterGap):
            fields |= {"compacted": recorded.compacted, "lost": recorded.lost}
        return _json(fields)

    def _plain(self, event: Event) -> dict[str, object]:
        value = self.outgoing.value(json.loads(encode(event)))
        return cast("dict[str, object]", value)

    def _plan(self, bundle: zipfile.ZipFile, state: RunState) -> None:
        event = RunCreated(run=state.run, workspace=state.workspace, plan=state.plan)
        self._keep(bundle, PLAN, _json(self._plain(event)["plan"]))

    def _artifact(self, bundle: zipfile.ZipFile, path: str) -> None:
        artifact = self._artifacts[path]
        self._stored(bundle, path, path, sha256=artifact.sha256)

    def _stored(
        self, bundle: zipfile.ZipFile, path: str, name: str, *, sha256: str = ""
    ) -> None:
        """Put the file at *path* in the run's folder into the bundle as *name*."""
        try:
            content = read_inside(self.folder.path, path, self.limits.other)
        except NotReadable as error:
            self._left_out.append(LeftOut(path=path, why=error.why))
            return
        if sha256 and hashlib.sha256(content).hexdigest() != sha256:
            why = "it is not what was written"
            self._left_out.append(LeftOut(path=path, why=why))
            return
        self._keep(bundle, name, self.outgoing.data(content), stored=sha256)

    def _keep(
        self, bundle: zipfile.ZipFile, name: str, content: bytes, *, stored: str = ""
    ) -> None:
        self._count(name, len(content), len(content))
        digest = hashlib.sha256(content).hexdigest()
        self._files.append(
            BundledFile(path=name, size=len(content), sha256=digest, stored=stored)
        )
        self._add(bundle, name, content)

    def _add(self, bundle: zipfile.ZipFile, name: str, content: bytes) -> None:
        bundle.writestr(_member(name), content)

    def _count(self, name: str, size: int, more: int) -> None:
        """Raise if a member of *size* bytes, *more* than before, is too much."""
        self._size += more
        most = self.limits.of(name)
        if size > most:
            raise BundleTooLarge(f"bytes in {name}", most)
        if self._size > self.limits.unpacked:
            raise BundleTooLarge("bytes", self.limits.unpacked)
        if len(self._files) + 2 > self.limits.members:  # this one and the manifest
            raise BundleTooLarge("files", self.limits.members)

    def _manifest(self, state: RunState) -> Manifest:
        status = state.status
        if not status.ended:
            status = effective_status(self.folder)
        plan = state.plan
        words = {
            "why": state.why,
            "goal": plan.goal,
            "team": plan.team,
            "workflow": plan.workflow,
        }
        return Manifest(
            schema=SCHEMA,
            crew=__version__,
            run=state.run,
            status=status.value,
            created_at=state.created_at,
            ended_at=state.ended_at,
            events=state.seq,
            tasks=tuple(
                BundledTask(id=task, agent=one.plan.agent, status=one.status.value)
                for task, one in state.tasks.items()
            ),
            files=tuple(sorted(self._files, key=lambda one: one.path)),
            left_out=tuple(self._left_out),
            **cast("dict[str, str]", self.outgoing.value(words)),
        )


def _artifacts_of(event: Event) -> Iterator[Artifact]:
    """Yield the artifacts that *event* tells of."""
    for field in attrs.fields(type(event)):
        value: object = getattr(event, field.name)
        if isinstance(value, Artifact):
            yield value


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, _DATE)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.create_system = 3  # Unix, also when made elsewhere
    member.external_attr = _MODE
    return member


def _json(value: object) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode() + b"\n"
