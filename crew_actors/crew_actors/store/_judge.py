# See `_import` for what is doubted, and in which order.
"""Judge bundles, and unpack those that are as they should be."""

import hashlib
import json
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast, final

import attrs

from crew_actors.codec import BadMessage, MessageTooLarge, UnknownKind
from crew_actors.model import BadId, parse_run_id
from crew_actors.store._bundle import (
    JOURNAL,
    MANIFEST,
    MANIFESTS,
    PLAN,
    SCHEMA,
    BundledFile,
    BundleLimits,
    Manifest,
    fault_of,
)
from crew_actors.store._errors import BadBundle
from crew_actors.store._replay import replay_problems

_CHUNK: Final = 1 << 20
_END: Final = struct.Struct("<4s4H2LH")  # the last record of a zip file
_END_MARK: Final = b"PK\x05\x06"
_BEFORE_END: Final = 20  # bytes; there stands what points to longer records
_LONG_MARK: Final = b"PK\x06\x07"
_PLAIN: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED: Final = 1
_DAMAGE: Final = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError),
    *(RuntimeError, struct.error, ValueError),
)
"""What reading a zip file that is not as it should be raises."""


@final
class NotAManifest(Exception):
    """The bytes are no manifest of a bundle that is known here."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "; ".join(self.problems)


def parse_manifest(data: bytes) -> Manifest:
    """Read a manifest.

    Raises:
      NotAManifest: it is none; each problem is told.
    """
    try:
        raw: object = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NotAManifest((f"{MANIFEST} is no JSON: {error}",)) from error
    if isinstance(raw, dict):
        schema = cast("dict[str, object]", raw).get("schema")
        if isinstance(schema, int) and schema > SCHEMA:
            newer = (
                f"a later version of crew wrote it (schema {schema}): use that version"
            )
            raise NotAManifest((newer,))
    try:
        manifest = MANIFESTS.decode(data)
        parse_run_id(manifest.run)
    except BadMessage as error:
        raise NotAManifest(error.problems) from error
    except (UnknownKind, MessageTooLarge, BadId) as error:
        raise NotAManifest((f"{MANIFEST}: {error}",)) from error
    return manifest


@contextmanager
def open_bundle(path: Path, limits: BundleLimits) -> Generator[zipfile.ZipFile]:
    """Open a bundle, once its list of contents is known to be of bearable length.

    Raises:
      BadBundle: it is none.
      OSError: it cannot be opened.
    """
    if path.is_symlink():
        raise BadBundle(path, ("it is a symbolic link: name the file itself",))
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BadBundle(path, ("it is not a regular file",))
    with os.fdopen(descriptor, "rb") as file:
        fault = _fault_of_file(file, limits)
        if fault is not None:
            raise BadBundle(path, (fault,))
        try:
            bundle = zipfile.ZipFile(file)
        except _DAMAGE as error:
            raise BadBundle(path, (f"it is damaged: {error}",)) from error
        with bundle:
            yield bundle


def _fault_of_file(file: BinaryIO, limits: BundleLimits) -> str | None:
    """Say why *file* should not be read as a zip file; None if it may be."""
    size = os.fstat(file.fileno()).st_size
    if size > limits.file:
        return f"it has more than {limits.file:,} bytes"
    file.seek(max(0, size - _END.size - _BEFORE_END))
    last = file.read()
    return _fault_of_end(last[-_END.size :], last[: -_END.size], limits)


def _fault_of_end(end: bytes, before: bytes, limits: BundleLimits) -> str | None:
    """Say what is wrong with the last record of a zip file and what is *before* it."""
    if len(end) < _END.size or not end.startswith(_END_MARK):
        return "it is no zip file, or not a whole one"
    *_, members, length, _, comment = _END.unpack(end)
    if comment or before.startswith(_LONG_MARK):
        return "it is a zip file of a kind that bundles are not"
    if members > limits.members:
        return f"it has more than {limits.members:,} files"
    if length > limits.directory:
        return f"its list of files has more than {limits.directory:,} bytes"
    return None


def judge(path: Path, bundle: zipfile.ZipFile, limits: BundleLimits) -> "Judged":
    """Look at all that the bundle says of itself.

    Raises:
      BadBundle: something is wrong; all of it is told.
    """
    members = bundle.infolist()
    problems = [*_faults(members, limits), *_clashes(members)]
    names = {one.filename for one in members}
    problems += [
        f"{name} is missing" for name in (MANIFEST, JOURNAL, PLAN) if name not in names
    ]
    if problems:
        raise BadBundle(path, tuple(problems))
    try:
        manifest = parse_manifest(_content(bundle, MANIFEST, limits.manifest))
    except NotAManifest as error:
        raise BadBundle(path, error.problems) from error
    except _DAMAGE as error:
        raise BadBundle(path, (f"{MANIFEST} is damaged: {error}",)) from error
    problems += _disagreements(members, manifest)
    if problems:
        raise BadBundle(path, tuple(problems))
    return Judged(path, bundle, limits, manifest)


def _faults(members: list[zipfile.ZipInfo], limits: BundleLimits) -> list[str]:
    problems: list[str] = []
    if len(members) > limits.members:
        problems.append(f"it has more than {limits.members:,} files")
    if sum(one.file_size for one in members) > limits.unpacked:
        problems.append(f"unpacked it has more than {limits.unpacked:,} bytes")
    for one in members:
        fault = fault_of(one.orig_filename) or _fault(one, limits)
        if fault is not None:
            problems.append(f"{one.orig_filename!r}: {fault}")
    return problems


def _fault(member: zipfile.ZipInfo, limits: BundleLimits) -> str | None:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in {0, stat.S_IFREG}:
        return "it is a link" if kind == stat.S_IFLNK else "it is not a regular file"
    if member.header_offset < 0:
        return "it is damaged: it begins before the file does"
    if member.flag_bits & _ENCRYPTED:
        return "it is encrypted"
    if member.compress_type not in _PLAIN:
        return "it is packed in an unusual way"
    if member.file_size > limits.of(member.filename):
        return f"it has more than {limits.of(member.filename):,} bytes"
    return None


def _clashes(members: list[zipfile.ZipInfo]) -> list[str]:
    """Find names that mean one file on some system, and files that are folders too."""
    seen: set[str] = set()
    problems: list[str] = []
    for one in members:
        name = one.filename.casefold()
        if name in seen:
            problems.append(f"{one.filename!r}: it is there twice")
        seen.add(name)
    for one in members:
        parts = one.filename.casefold().split("/")
        above = {"/".join(parts[:count]) for count in range(1, len(parts))}
        if above & seen:
            problems.append(f"{one.filename!r}: a file is in the place of its folder")
    return problems


def _disagreements(members: list[zipfile.ZipInfo], manifest: Manifest) -> list[str]:
    """Tell where the manifest and the list of contents say different things."""
    told = {one.path: one.size for one in manifest.files}
    there = {one.filename: one.file_size for one in members}
    del there[MANIFEST]
    problems = [
        f"{name}: {MANIFEST} does not name it" for name in there if name not in told
    ]
    problems += [f"{name} is missing" for name in told if name not in there]
    problems += [
        f"{name}: it has {there[name]:,} bytes, not {size:,}"
        for name, size in told.items()
        if there.get(name, size) != size
    ]
    if len(told) != len(manifest.files):
        problems.append(f"{MANIFEST} names a file twice")
    return problems


@final
@attrs.frozen(eq=False)
class Judged:
    """A bundle whose list of contents is as it should be. What is in it is unknown."""

    path: Path
    bundle: zipfile.ZipFile
    limits: BundleLimits
    manifest: Manifest

    def unpack(self, folder: Path) -> None:
        """Write all members into *folder*, which is empty, and check each.

        Raises:
          BadBundle: a member is damaged, is not what the manifest says, or the events
            are none. A part was written.
          OSError: the system refused; likewise.
        """
        problems = [
            problem
            for one in sorted(self.manifest.files, key=lambda one: one.path)
            if (problem := self._unpack(one, folder)) is not None
        ]
        if not problems:
            problems += replay_problems(folder / JOURNAL, self.manifest)
        if problems:
            raise BadBundle(self.path, tuple(problems))
        raw = _content(self.bundle, MANIFEST, self.limits.manifest)
        _write(folder / MANIFEST, raw)

    def _unpack(self, one: BundledFile, folder: Path) -> str | None:
        """Write one member; say what is wrong with it."""
        target = folder.joinpath(*one.path.split("/"))
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        digest, size = hashlib.sha256(), 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        try:
            with (
                self.bundle.open(one.path) as packed,
                os.fdopen(os.open(target, flags, 0o600), "wb") as file,
            ):
                while chunk := packed.read(_CHUNK):
                    size += len(chunk)
                    if size > one.size:
                        return f"{one.path}: it has more bytes than it says"
                    digest.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
        except _DAMAGE as error:
            return f"{one.path}: it is damaged: {error}"
        if digest.hexdigest() != one.sha256:
            return f"{one.path}: its content is not what {MANIFEST} says"
        return None


def _content(bundle: zipfile.ZipFile, name: str, limit: int) -> bytes:
    with bundle.open(name) as packed:
        return packed.read(limit)


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        path.chmod(0o600)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
