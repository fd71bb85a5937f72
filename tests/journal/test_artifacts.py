"""Artifacts are whole, hashed, contained and never changed."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import attrs
import pytest
import trio
from hypothesis import given, strategies as st

from crew_actors.journal import (
    ArtifactDamaged,
    ArtifactExists,
    ArtifactStore,
    ArtifactTooLarge,
    BadArtifactName,
    BadArtifactSource,
    JournalFull,
    JournalMissing,
    RunFolder,
    UnsafeFolder,
    check_name,
)
from crew_actors.model import Artifact, AttemptId, BadId, TaskId

TASK, ATTEMPT = TaskId("scan"), AttemptId("scan.1")


@pytest.fixture
def store(folder: RunFolder) -> ArtifactStore:
    return ArtifactStore(folder, limit=3_000_000)


def _files(folder: RunFolder) -> list[str]:
    found = [each for each in folder.artifacts.rglob("*") if not each.is_dir()]
    return sorted(str(each.relative_to(folder.artifacts)) for each in found)


async def test_an_artifact_is_stored_under_task_attempt_and_name(
    store: ArtifactStore, folder: RunFolder
) -> None:
    artifact = await store.write(TASK, ATTEMPT, "notes/map.md", b"# Map")
    assert artifact == Artifact(
        name="notes/map.md",
        path="artifacts/scan/scan.1/notes/map.md",
        size=5,
        sha256=hashlib.sha256(b"# Map").hexdigest(),
    )
    assert store.path(artifact).read_bytes() == b"# Map"
    assert await store.read(artifact) == b"# Map"
    with store.open(artifact) as file:
        assert file.read() == b"# Map"
    assert _files(folder) == ["scan/scan.1/notes/map.md"]


async def test_a_file_is_copied_with_the_hash_of_the_bytes_that_were_stored(
    store: ArtifactStore, tmp_path: Path
) -> None:
    content = os.urandom(2_500_000)
    source = tmp_path / "big.bin"
    source.write_bytes(content)
    artifact = await store.write(TASK, ATTEMPT, "big.bin", source)
    assert artifact.size == len(content)
    assert artifact.sha256 == hashlib.sha256(content).hexdigest()
    assert await store.read(artifact) == content
    assert source.exists()


async def test_an_empty_artifact_is_one(store: ArtifactStore) -> None:
    artifact = await store.write(TASK, ATTEMPT, "empty", b"")
    assert artifact.size == 0
    assert await store.read(artifact) == b""


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "./a", "a\\b",
        "c:x", "a\0b", "a\nb", "x" * 256, "/".join(["x" * 100] * 11), "a.", "a ",
        "\ud800", "what?", "a*",
    ],
)  # fmt: skip
async def test_a_name_that_could_lead_elsewhere_is_refused(
    store: ArtifactStore, folder: RunFolder, name: str
) -> None:
    with pytest.raises(BadArtifactName):
        await store.write(TASK, ATTEMPT, name, b"x")
    assert not folder.artifacts.exists()


@given(name=st.text(max_size=30))
def test_a_name_that_is_accepted_stays_inside(name: str) -> None:
    try:
        parts = check_name(name)
    except BadArtifactName:
        return
    root = Path("/a/b")
    inside = Path(os.path.normpath(root.joinpath(*parts)))
    assert inside.is_relative_to(root)
    assert inside != root


@pytest.mark.parametrize(
    ("task", "attempt"), [("..", "a.1"), ("a", ".."), ("a", "a/b"), ("a/b", "a.1")]
)
async def test_ids_that_could_lead_elsewhere_are_refused(
    store: ArtifactStore, folder: RunFolder, task: str, attempt: str
) -> None:
    with pytest.raises(BadId):
        await store.write(TaskId(task), AttemptId(attempt), "x", b"x")
    assert not folder.artifacts.exists()


@pytest.mark.parametrize(
    "place", ["artifacts", "artifacts/scan", "artifacts/scan/scan.1"]
)
async def test_a_symbolic_link_in_the_way_is_refused(
    store: ArtifactStore, folder: RunFolder, tmp_path: Path, place: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = folder.path / place
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(elsewhere)
    with pytest.raises(UnsafeFolder, match="symbolic link"):
        await store.write(TASK, ATTEMPT, "x", b"x")
    assert list(elsewhere.iterdir()) == []


async def test_a_file_in_place_of_a_folder_is_refused(store: ArtifactStore) -> None:
    await store.write(TASK, ATTEMPT, "x", b"x")
    with pytest.raises(UnsafeFolder, match="a file"):
        await store.write(TASK, ATTEMPT, "x/y", b"y")


async def test_a_symbolic_link_at_the_name_itself_is_not_followed(
    store: ArtifactStore, folder: RunFolder, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"x")
    target = folder.artifacts / "scan" / "scan.1"
    target.mkdir(parents=True)
    (target / "x").symlink_to(other)
    with pytest.raises(ArtifactExists):
        await store.write(TASK, ATTEMPT, "x", b"x")
    assert other.read_bytes() == b"x"


async def test_only_regular_files_become_artifacts(
    store: ArtifactStore, folder: RunFolder, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"key")
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(secret)
    os.mkfifo(pipe)
    for source in (link, pipe, tmp_path, tmp_path / "missing", Path("/dev/zero")):
        with pytest.raises(BadArtifactSource), trio.fail_after(10):
            await store.write(TASK, ATTEMPT, "x", source)
    assert _files(folder) == []


async def test_an_artifact_above_the_limit_leaves_nothing(
    folder: RunFolder, tmp_path: Path
) -> None:
    store = ArtifactStore(folder, limit=10)
    source = tmp_path / "source"
    source.write_bytes(b"x" * 11)
    for data in (source, b"x" * 11):
        with pytest.raises(ArtifactTooLarge, match="10 bytes"):
            await store.write(TASK, ATTEMPT, "x", data)
    assert _files(folder) == []
    assert (await store.write(TASK, ATTEMPT, "x", b"x" * 10)).size == 10


async def test_writing_the_same_again_changes_nothing(store: ArtifactStore) -> None:
    first = await store.write(TASK, ATTEMPT, "x", b"same")
    before = store.path(first).stat()
    assert await store.write(TASK, ATTEMPT, "x", b"same") == first
    after = store.path(first).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


async def test_another_content_under_the_same_name_is_refused(
    store: ArtifactStore, folder: RunFolder
) -> None:
    first = await store.write(TASK, ATTEMPT, "x", b"first")
    with pytest.raises(ArtifactExists):
        await store.write(TASK, ATTEMPT, "x", b"other")
    assert await store.read(first) == b"first"
    assert _files(folder) == ["scan/scan.1/x"]
    retry = await store.write(TASK, AttemptId("scan.2"), "x", b"other")
    assert await store.read(retry) == b"other"


async def test_of_two_writers_of_one_name_one_wins_whole(store: ArtifactStore) -> None:
    won: list[Artifact] = []
    lost: list[ArtifactExists] = []

    async def write(content: bytes) -> None:
        try:
            won.append(await store.write(TASK, ATTEMPT, "x", content))
        except ArtifactExists as error:
            lost.append(error)

    async with trio.open_nursery() as nursery:
        for number in range(8):
            nursery.start_soon(write, b"%d" % number * 1000)
    assert (len(won), len(lost)) == (1, 7)
    assert len(await store.read(won[0])) == 1000


async def test_a_changed_artifact_is_noticed(store: ArtifactStore) -> None:
    artifact = await store.write(TASK, ATTEMPT, "x", b"true")
    store.path(artifact).write_bytes(b"fake")
    with pytest.raises(ArtifactDamaged, match="changed"):
        await store.read(artifact)
    store.path(artifact).unlink()
    with pytest.raises(ArtifactDamaged, match="No such file"):
        await store.read(artifact)
    store.path(artifact).symlink_to("/etc/hostname")
    with pytest.raises(ArtifactDamaged, match="symbolic link"):
        store.open(artifact)


@pytest.mark.parametrize("path", ["run.db", "../x", "artifacts/../../x", "/etc/passwd"])
async def test_an_artifact_whose_path_leads_elsewhere_is_not_read(
    store: ArtifactStore, path: str
) -> None:
    artifact = await store.write(TASK, ATTEMPT, "x", b"x")
    with pytest.raises(ArtifactDamaged):
        await store.read(attrs.evolve(artifact, path=path))


async def test_the_artifacts_of_a_run_that_was_deleted_do_not_come_back(
    store: ArtifactStore, folder: RunFolder
) -> None:
    folder.path.rmdir()
    with pytest.raises(JournalMissing):
        await store.write(TASK, ATTEMPT, "x", b"x")
    assert not folder.path.exists()


async def test_a_write_that_fails_leaves_nothing_under_the_name(
    store: ArtifactStore, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    await store.write(TASK, ATTEMPT, "before", b"x")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(JournalFull, match="No space"):
        await store.write(TASK, ATTEMPT, "x", b"x")
    assert _files(folder) == ["scan/scan.1/before"]


async def test_the_hash_is_of_what_was_stored_without_its_secrets(
    folder: RunFolder, tmp_path: Path
) -> None:
    def redact(chunks: Iterable[bytes]) -> Iterable[bytes]:
        for chunk in chunks:
            yield chunk.replace(b"sk-123", b"[secret]")

    store = ArtifactStore(folder, redact=redact)
    source = tmp_path / "notes"
    source.write_bytes(b"the key is sk-123")
    stored = b"the key is [secret]"
    for name, data in (("a", source), ("b", source.read_bytes())):
        artifact = await store.write(TASK, ATTEMPT, name, data)
        assert artifact.size == len(stored)
        assert artifact.sha256 == hashlib.sha256(stored).hexdigest()
        assert await store.read(artifact) == stored
        assert await store.write(TASK, ATTEMPT, name, data) == artifact


async def test_a_redaction_that_fails_leaves_nothing(folder: RunFolder) -> None:
    def fail(chunks: Iterable[bytes]) -> Iterable[bytes]:
        yield from chunks
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await ArtifactStore(folder, redact=fail).write(TASK, ATTEMPT, "a", b"x")
    assert _files(folder) == []


async def test_what_a_killed_owner_had_not_finished_is_swept(
    store: ArtifactStore, folder: RunFolder
) -> None:
    await store.write(TASK, ATTEMPT, "a", b"1")
    half = folder.artifacts / ".incoming" / "0-abcdef"
    half.write_bytes(b"half")
    await store.write(TASK, ATTEMPT, "b", b"2")
    assert _files(folder) == ["scan/scan.1/a", "scan/scan.1/b"]
