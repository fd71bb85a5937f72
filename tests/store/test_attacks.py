"""No bundle writes outside of its folder, fills the disk, or is taken in by halves."""

import hashlib
import json
import os
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.support.crews import echo, finish
from tests.support.plans import plan, task

from crew_actors.journal import UnsafeFolder
from crew_actors.store import (
    LIMITS,
    BadBundle,
    BundleLimits,
    ImportExists,
    export_run,
    import_bundle,
)
from crew_actors.store._judge import Judged, judge, open_bundle

HOME = Path("/home/somebody")
Members = dict[str, bytes]


@pytest.fixture
async def good(tmp_path: Path) -> Members:
    project = tmp_path / "project"
    project.mkdir()
    run = await finish(project, plan(task("a")), worker=echo)
    with zipfile.ZipFile(export_run(run.folder, None, home=HOME).path) as bundle:
        return {name: bundle.read(name) for name in bundle.namelist()}


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    folder = tmp_path / "victim"
    folder.mkdir()
    return folder


def changed(members: Members, change: Callable[[dict[str, Any]], object]) -> Members:
    """Change the manifest."""
    manifest: dict[str, Any] = json.loads(members["manifest.json"])
    change(manifest)
    return {**members, "manifest.json": json.dumps(manifest).encode()}


def fitted(members: Members) -> Members:
    """Have the manifest tell the truth about *members*."""
    files = [
        {
            "path": name,
            "size": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "stored": "",
        }
        for name, data in members.items()
        if name != "manifest.json"
    ]
    return changed(members, lambda manifest: manifest.update(files=files))


def packed(path: Path, members: Members, *more: tuple[zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in members.items():
            bundle.writestr(name, data)
        for info, data in more:
            bundle.writestr(info, data)
    return path


def refused(path: Path, victim: Path, limits: BundleLimits = LIMITS) -> str:
    """Import, which must fail and leave nothing; return what is told."""
    before = sorted(victim.parent.iterdir())
    with pytest.raises(BadBundle) as caught:
        import_bundle(path, victim, limits=limits)
    imports = victim / ".crew" / "imports"
    left = [one.name for one in imports.iterdir()] if imports.exists() else []
    assert left in ([], [".gitignore"])
    assert sorted(victim.parent.iterdir()) == before
    return str(caught.value)


async def test_what_is_changed_nowhere_is_taken_in(
    good: Members, victim: Path, tmp_path: Path
) -> None:
    taken = import_bundle(packed(tmp_path / "b.zip", fitted(good)), victim)
    assert (taken.path / "journal.jsonl").read_bytes() == good["journal.jsonl"]


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/tmp/evil",
        "artifacts/../../../evil",
        "artifacts/a\\..\\evil",
        "C:/evil",
        "artifacts//evil",
        "artifacts/./evil",
        "artifacts/evil ",
        "artifacts/\x1b[31m",
        "artifacts/evil/",
        ".git/hooks/post-checkout",
        "evil",
    ],
)
async def test_no_name_leads_elsewhere(
    good: Members, victim: Path, tmp_path: Path, name: str
) -> None:
    members = fitted({**good, name: b"evil"})
    told = refused(packed(tmp_path / "b.zip", members), victim)
    assert repr(name) in told
    assert "evil" not in {name for *_, names in os.walk(tmp_path) for name in names}


@pytest.mark.parametrize(
    "kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFDIR]
)
async def test_only_regular_files_are_taken_in(
    good: Members, victim: Path, tmp_path: Path, kind: int
) -> None:
    info = zipfile.ZipInfo("artifacts/a/link")
    info.create_system = 3
    info.external_attr = (kind | 0o777) << 16
    path = packed(tmp_path / "b.zip", good, (info, b"/etc/passwd"))
    assert "it is " in refused(path, victim)


async def test_all_that_is_wrong_is_told_at_once(
    good: Members, victim: Path, tmp_path: Path
) -> None:
    members = {**good, "../a": b"x", "/b": b"x"}
    del members["plan.json"]
    told = refused(packed(tmp_path / "b.zip", members), victim)
    assert all(one in told for one in ("'../a'", "'/b'", "plan.json is missing"))


async def test_a_bomb_is_refused_before_it_is_unpacked(
    good: Members, victim: Path, tmp_path: Path
) -> None:
    small = attrs.evolve(LIMITS, unpacked=1_000_000, other=600_000)
    one = {**good, "artifacts/a/big": bytes(700_000)}
    path = packed(tmp_path / "b.zip", fitted(one))
    assert path.stat().st_size < 10_000
    assert "more than 600,000" in refused(path, victim, small)
    two = {**good, "artifacts/a/x": bytes(550_000), "artifacts/a/y": bytes(550_000)}
    path = packed(tmp_path / "c.zip", fitted(two))
    assert "unpacked it has more than 1,000,000" in refused(path, victim, small)


async def test_a_bomb_that_lies_about_its_size_is_cut_off(
    good: Members, victim: Path, tmp_path: Path
) -> None:
    """Both lists of the zip file and the manifest say 10 bytes; it has a million."""
    big = bytes(1_000_000)
    lying = changed(
        fitted({**good, "artifacts/a/big": big}),
        lambda manifest: manifest["files"][-1].update(size=10),
    )
    path = packed(tmp_path / "c.zip", {**lying, "artifacts/a/big": big})
    lie = path.read_bytes().replace(struct.pack("<L", len(big)), struct.pack("<L", 10))
    path.write_bytes(lie)
    assert "artifacts/a/big: it is damaged" in refused(path, victim)


async def test_no_more_is_unpacked_than_the_manifest_says(
    good: Members, victim: Path, tmp_path: Path
) -> None:
    """Whatever the library that unpacks gives out."""
    path = packed(tmp_path / "b.zip", fitted({**good, "artifacts/a/big": bytes(5000)}))
    with open_bundle(path, LIMITS) as bundle:
        judged = judge(path, bundle, LIMITS)
        *others, last = judged.manifest.files
        files = (*others, attrs.evolve(last, size=10))
        lying = attrs.evolve(
            judged, manifest=attrs.evolve(judged.manifest, files=files)
        )
        with pytest.raises(BadBundle, match="more bytes than it says"):
            lying.unpack(victim)
    assert (victim / last.path).stat().st_size == 0


@pytest.mark.parametrize(
    ("limit", "told"),
    [
        ({"members": 3}, "more than 3 files"),
        ({"file": 100}, "more than 100 bytes"),
        ({"directory": 50}, "list of files has more than 50"),
        ({"journal": 50}, "'journal.jsonl': it has more than 50"),
        ({"manifest": 50}, "'manifest.json': it has more than 50"),
    ],
)
async def test_each_limit_holds(
    good: Members, victim: Path, tmp_path: Path, limit: dict[str, int], told: str
) -> None:
    path = packed(tmp_path / "b.zip", good)
    assert told in refused(path, victim, attrs.evolve(LIMITS, **limit))


async def test_a_list_of_contents_that_lies_about_its_length_is_not_believed(
    good: Members, victim: Path, tmp_path: Path
) -> None:
    """The last record says that there is one file; there are more."""
    path = packed(tmp_path / "b.zip", good)
    data = bytearray(path.read_bytes())
    struct.pack_into("<HH", data, len(data) - 14, 1, 1)
    path.write_bytes(data)
    small = attrs.evolve(LIMITS, members=3)
    assert "more than 3 files" in refused(path, victim, small)


@pytest.mark.parametrize("tail", [b"x", b"PK\x05\x06" + bytes(16) + b"\1\0"])
async def test_what_ends_otherwise_is_no_bundle(
    good: Members, victim: Path, tmp_path: Path, tail: bytes
) -> None:
    path = packed(tmp_path / "b.zip", good)
    path.write_bytes(path.read_bytes() + tail)
    assert "zip file" in refused(path, victim)


async def test_long_records_are_not_read(
    good: Members, victim: Path, tmp_path: Path
) -> None:
    data = packed(tmp_path / "b.zip", good).read_bytes()
    longer = data[:-22] + b"PK\x06\x07" + bytes(16) + data[-22:]
    (tmp_path / "b.zip").write_bytes(longer)
    assert "of a kind" in refused(tmp_path / "b.zip", victim)


async def test_a_name_may_be_there_once(
    good: Members, victim: Path, tmp_path: Path
) -> None:
    info = zipfile.ZipInfo("artifacts/A/A.1/RESULT.md")
    (name,) = (one for one in good if one.endswith("result.md"))
    assert name.casefold() == info.filename.casefold()
    path = packed(tmp_path / "b.zip", good, (info, b"x"))
    assert "twice" in refused(path, victim)


async def test_no_file_is_a_folder_too(
    good: Members, victim: Path, tmp_path: Path
) -> None:
    members = fitted({**good, "artifacts/x": b"", "artifacts/x/y": b""})
    told = refused(packed(tmp_path / "b.zip", members), victim)
    assert "in the place of its folder" in told


async def test_hashes_and_sizes_are_checked(
    good: Members, victim: Path, tmp_path: Path
) -> None:
    plan_json = good["plan.json"]
    members = {**good, "plan.json": plan_json.replace(b"test", b"evil")}
    told = refused(packed(tmp_path / "b.zip", members), victim)
    assert "plan.json: its content is not what" in told
    members = {**good, "plan.json": plan_json + b" "}
    told = refused(packed(tmp_path / "c.zip", members), victim)
    assert "plan.json: it has" in told
    members = {**good, "artifacts/extra": b"x"}
    told = refused(packed(tmp_path / "d.zip", members), victim)
    assert "artifacts/extra: manifest.json does not name it" in told


async def test_damage_is_found(good: Members, victim: Path, tmp_path: Path) -> None:
    path = packed(tmp_path / "b.zip", good)
    data = path.read_bytes()
    for place in range(0, len(data), 7):
        bad = bytearray(data)
        bad[place] ^= 0x5A
        path.write_bytes(bad)
        try:
            taken = import_bundle(path, victim)
        except (BadBundle, UnsafeFolder):
            continue
        # what nobody reads, such as a date, may be anything
        for name in ("journal.jsonl", "plan.json", "manifest.json"):
            assert (taken.path / name).read_bytes() == good[name]
        os.rename(taken.path, tmp_path / f"taken-{place}")  # noqa: PTH104


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schema": 2}, "a later version of crew"),
        ({"run": "../x"}, "run id"),
        ({"goal": 1}, "goal"),
        ({"surprise": 1}, "surprise"),
        ({"events": 3}, "not 3"),
        ({"run": "another"}, "not of another"),
        ({"kind": "else"}, "else"),
        ({"files": [{"path": "x"}]}, "size"),
    ],
)
async def test_a_manifest_is_believed_only_if_it_fits(
    good: Members,
    victim: Path,
    tmp_path: Path,
    change: dict[str, object],
    told: str,
) -> None:
    members = changed(good, lambda manifest: manifest.update(change))
    path = packed(tmp_path / "b.zip", members)
    assert told in refused(path, victim)


async def test_a_manifest_names_all_and_each_file_once(
    good: Members, victim: Path, tmp_path: Path
) -> None:
    def twice(manifest: dict[str, Any]) -> None:
        manifest["files"].append(manifest["files"][0])
        del manifest["team"]

    told = refused(packed(tmp_path / "b.zip", changed(good, twice)), victim)
    assert "team" in told

    def again(manifest: dict[str, Any]) -> None:
        manifest["files"].append(manifest["files"][0])

    told = refused(packed(tmp_path / "c.zip", changed(good, again)), victim)
    assert "names a file twice" in told


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (8, b"\1\0", "it is encrypted"),
        (10, b"\x0c\0", "packed in an unusual way"),
        (42, b"\xff\xff\xff\x7f", "it begins before the file does"),
    ],
)
async def test_members_of_other_kinds_are_refused(
    good: Members, victim: Path, place: int, value: bytes, told: str
) -> None:
    """*place* is that of a field in the list of contents."""
    path = packed(victim.parent / "b.zip", good)
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[entry + place : entry + place + len(value)] = value
    if place == 42:  # what is put before the file shifts all that is in it
        (start,) = struct.unpack_from("<L", data, len(data) - 6)
        struct.pack_into("<L", data, len(data) - 6, start + 9)
        struct.pack_into("<L", data, entry + 42, 0)
    path.write_bytes(data)
    assert told in refused(path, victim)


async def test_all_faults_of_a_manifest_are_told(
    good: Members, victim: Path, tmp_path: Path
) -> None:
    members = changed(good, lambda m: m.update(goal=1, team=2, x=3))
    told = refused(packed(tmp_path / "b.zip", members), victim)
    assert all(one in told for one in ("goal", "team", "x"))


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"[" * 100_000, b"\xff"])
async def test_what_is_no_manifest_is_refused(
    good: Members, victim: Path, tmp_path: Path, text: bytes
) -> None:
    refused(packed(tmp_path / "b.zip", {**good, "manifest.json": text}), victim)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"[" * 100_000, "line 3"),
        (b"{}", "seq is missing"),
        (b'{"seq":3,"at":1,"event":{"kind":"x"},"odd":1}', "unknown field 'odd'"),
        (b'{"seq":3,"at":1,"event":{"kind":"x"}}', "'x'"),
        (b'{"seq":3,"at":1,"event":{"kind":"run.started","x":1}}', "x"),
        (b'{"seq":"3","at":1,"event":{"kind":"run.started"}}', "line 3"),
        (b'{"seq":9,"at":1,"event":{"kind":"run.started"}}', "line 3"),
        (b"x" * (5 << 20), "rest was not looked at"),
    ],
    ids=str,
)
async def test_each_event_must_fit(
    good: Members, victim: Path, tmp_path: Path, line: bytes, told: str
) -> None:
    lines = good["journal.jsonl"].splitlines()
    lines[2] = line
    lines[4] = b"{}"
    members = fitted({**good, "journal.jsonl": b"\n".join(lines) + b"\n"})
    found = refused(packed(tmp_path / "b.zip", members), victim)
    assert told in found
    if "rest" not in told:
        assert "line 5" in found
        assert found.count("journal.jsonl, line") == 2  # what is right is not blamed


async def test_many_bad_events_are_told_but_not_all(
    good: Members, victim: Path, tmp_path: Path
) -> None:
    members = fitted({**good, "journal.jsonl": b"{}\n" * 1000})
    told = refused(packed(tmp_path / "b.zip", members), victim)
    assert told.count("seq is missing") == 20
    assert "and 1 more" in told
    members = fitted({**good, "journal.jsonl": b""})
    assert "no event" in refused(packed(tmp_path / "c.zip", members), victim)


async def test_gaps_are_taken_in(good: Members, victim: Path, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in good["journal.jsonl"].splitlines()]
    for line in lines[2:]:
        line["seq"] += 7
    lines[2] |= {"compacted": 3, "lost": 4}
    body = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
    members = fitted({**good, "journal.jsonl": body})
    count = json.loads(good["manifest.json"])["events"]
    members = changed(members, lambda manifest: manifest.update(events=count + 7))
    assert import_bundle(packed(tmp_path / "b.zip", members), victim).manifest


async def test_what_is_no_file_is_no_bundle(tmp_path: Path, victim: Path) -> None:
    link = tmp_path / "link.zip"
    link.symlink_to(tmp_path / "x")
    assert "symbolic link" in refused(link, victim)
    os.mkfifo(tmp_path / "pipe.zip")
    assert "not a regular file" in refused(tmp_path / "pipe.zip", victim)
    assert "not a regular file" in refused(tmp_path, victim)
    (tmp_path / "short.zip").write_bytes(b"PK")
    assert "no zip file" in refused(tmp_path / "short.zip", victim)


async def test_who_imports_the_same_meanwhile_is_first(
    good: Members, victim: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpack = Judged.unpack
    path = packed(tmp_path / "b.zip", good)
    run = json.loads(good["manifest.json"])["run"]
    target = victim / ".crew" / "imports" / run

    def slowly(judged: Judged, folder: Path) -> None:
        unpack(judged, folder)
        target.mkdir()
        (target / "theirs").touch()

    monkeypatch.setattr(Judged, "unpack", slowly)
    with pytest.raises(ImportExists):
        import_bundle(path, victim)
    assert os.listdir(target) == ["theirs"]  # noqa: PTH208 - names only


@pytest.mark.parametrize("name", [".crew", "imports"])
async def test_no_link_stands_for_the_imports(
    good: Members, victim: Path, tmp_path: Path, name: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    place = victim / ".crew"
    if name == "imports":
        place.mkdir()
        place /= "imports"
    place.symlink_to(elsewhere)
    with pytest.raises(UnsafeFolder):
        import_bundle(packed(tmp_path / "b.zip", good), victim)
    assert list(elsewhere.iterdir()) == []
