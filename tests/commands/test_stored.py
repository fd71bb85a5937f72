"""`crew status`, `crew events`, `crew artifacts`: what is told of runs on disk."""

import json
import pickle
from pathlib import Path

import attrs
import pytest
from tests.commands.conftest import Record
from tests.commands.samples import (
    RUN,
    beginning,
    completed,
    started,
    whole_run,
    written,
)

from crew_actors.commands import Context, Watcher, load_action
from crew_actors.commands._artifacts import (
    ArtifactsFound,
    ArtifactsParameters,
    list_artifacts,
)
from crew_actors.commands._events import EventsParameters, tell_events
from crew_actors.commands._runs import BLOCKED, find_run
from crew_actors.commands._status import (
    RunFound,
    RunsFound,
    StatusParameters,
    tell_status,
)
from crew_actors.journal import (
    JournalCorrupt,
    Lease,
    NoRuns,
    Registry,
    RunFolder,
    SeveralRuns,
    UnknownRun,
    open_journal,
)
from crew_actors.model import (
    Event,
    Recorded,
    RunBlocked,
    RunId,
    RunStatus,
    TaskId,
    Usage,
    UsageReported,
    attempt_id,
)
from crew_actors.observe import json_line

OTHER = RunId("20260102-030405-9999999999")


def found(context: Context, run: str | None = None, **options: object) -> object:
    return tell_status(StatusParameters(run=run, **options), context)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - options of any kind


def text(result: object) -> list[str]:
    return str(load_action("status").text(result)).splitlines()


def test_a_project_without_runs_says_so(context: Context) -> None:
    assert text(found(context)) == ["There are no runs yet."]
    with pytest.raises(NoRuns, match="start one with `crew run`"):
        found(context, "latest")


async def test_runs_are_listed_with_their_status(
    context: Context, record: Record
) -> None:
    await record(whole_run())
    await record(beginning(), run=OTHER)
    assert {line.split("  ")[0]: line.split()[1] for line in text(found(context))} == {
        RUN: "completed",
        OTHER: "interrupted",
    }
    assert text(found(context))[0].endswith("1 min 00 s ago  duo  look at it")
    listing = found(context, limit=1)
    assert isinstance(listing, RunsFound)
    assert len(listing.runs) == 1
    assert json.loads(json_line(listing))["kind"] == "runs"


async def test_a_run_whose_journal_is_damaged_is_listed_all_the_same(
    context: Context, record: Record
) -> None:
    folder = await record(whole_run())
    folder.database.write_bytes(b"no database at all")
    (line,) = text(found(context))
    assert line.split()[1] == "unreadable"
    with pytest.raises(JournalCorrupt):
        found(context, RUN)


def test_a_damaged_registry_is_told(context: Context) -> None:
    registry = Registry.of(context.places)
    registry.path.parent.mkdir(parents=True)
    registry.path.write_bytes(b"no database at all" * 100)
    (line,) = text(found(context, all=True))
    assert line.startswith("Runs of other projects cannot be listed: ")


async def test_a_run_is_found_by_its_beginning_and_as_the_latest(
    context: Context, record: Record
) -> None:
    folder = await record(whole_run())
    assert find_run("latest", context) == folder
    assert find_run(RUN[:20], context) == folder
    with pytest.raises(UnknownRun, match="there is no run"):
        find_run("../..", context)


@pytest.mark.parametrize(
    ("count", "more"),
    [(2, ""), (5, ""), (7, ", and 2 more")],
)
async def test_a_beginning_of_several_runs_names_a_few_of_them(
    context: Context, record: Record, count: int, more: str
) -> None:
    for number in range(count):
        await record(whole_run(), run=RunId(f"{RUN[:16]}{number:010}"))
    with pytest.raises(SeveralRuns, match=f"ids of {count} runs") as refused:
        find_run(RUN[:4], context)
    assert str(refused.value).partition(", and ")[1:] == more.partition(", and ")[1:]
    assert str(refused.value).count(RUN[:16]) == min(count, 5)
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)


async def test_runs_of_all_projects_are_listed_with_their_project(
    context: Context, record: Record
) -> None:
    await record(whole_run())
    (line,) = text(found(context, all=True))
    project = context.project.root
    assert line.endswith(f"ago  duo  {project}  look at it")


async def test_the_way_out_of_a_blocked_run_is_told(
    context: Context, record: Record
) -> None:
    blocked = RunBlocked(why="no result from map", summary="summary.md")
    await record([*beginning(), blocked])
    lines = text(found(context, "latest"))
    assert lines[1:4] == ["status: blocked", "because: no result from map", BLOCKED]


async def test_a_run_is_told_in_full(context: Context, record: Record) -> None:
    usage = UsageReported(
        task=TaskId("map"),
        attempt=attempt_id(TaskId("map"), 1),
        usage=Usage(input=10, output=20, cost=0.25),
    )
    run = whole_run(well=False)
    folder = await record([*run[:3], usage, *run[3:]])
    result = found(context, "latest")
    assert isinstance(result, RunFound)
    assert result.summary == folder.path / "summary.md"
    lines = text(result)
    assert lines[0].startswith(f"run {RUN} · team duo · 2 of 2 tasks ended")
    assert lines[1:5] == [
        "status: failed",
        "because: failed: write",
        "goal:",
        "  look at it",
    ]
    assert "  ✔ completed  map    map-agent    3.0 s  result.md, 2.0 KiB" in lines
    assert "  ✘ failed     write  write-agent  1.0 s  it broke" in lines
    assert "used: 10 in, 20 out, cost 0.2500" in lines
    assert lines[-2:] == [
        f"folder: {folder.path}",
        f"summary: {folder.path / 'summary.md'}",
    ]


async def test_usage_without_costs_is_told_without_them(
    context: Context, record: Record
) -> None:
    usage = UsageReported(
        task=TaskId("map"),
        attempt=attempt_id(TaskId("map"), 1),
        usage=Usage(input=1),
    )
    await record([*beginning(), started("map"), usage])
    assert "used: 1 in, 0 out" in text(found(context, RUN))


async def test_the_clock_of_an_interrupted_run_stands_still(
    context: Context, record: Record
) -> None:
    await record([*beginning(), started("map"), written("map")])
    result = found(context, RUN)
    assert isinstance(result, RunFound)
    assert result.status is RunStatus.INTERRUPTED
    assert result.tasks[0].elapsed == "1.0 s"
    assert text(result)[2].startswith("The process that worked on it is gone")


async def test_a_run_that_goes_on_is_told_as_of_now(
    context: Context, project_folder: RunFolder
) -> None:
    async with open_journal(
        project_folder, lease=Lease.mine(now=0), create=True, clock=context.now
    ) as journal:
        for event in [*beginning(), started("map")]:
            await journal.append(event)
        result = found(context, "latest")
        assert isinstance(result, RunFound)
        assert result.status is RunStatus.RUNNING
        later = attrs.evolve(context, now=lambda: context.now() + 5)
        result = found(later, "latest")
        assert isinstance(result, RunFound)
        assert result.tasks[0].elapsed == "5.0 s"


@pytest.fixture
def project_folder(context: Context) -> RunFolder:
    return RunFolder.create(context.project.root, RUN)


class Notes(Watcher):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Recorded] = []

    async def event(self, recorded: Recorded) -> None:
        self.events.append(recorded)


async def told(
    context: Context, *, follow: bool = False, since: int = 0
) -> tuple[list[int], dict[str, object]]:
    notes = Notes()
    parameters = EventsParameters(run="latest", follow=follow, since=since)
    result = await tell_events(parameters, attrs.evolve(context, watcher=notes))
    assert load_action("events").text(result) == ""
    return [one.seq for one in notes.events], attrs.asdict(result)


@pytest.mark.parametrize("follow", [False, True])
async def test_the_events_of_a_run_are_told_in_order(
    context: Context, record: Record, follow: bool
) -> None:
    await record(whole_run())
    count = len(whole_run())
    numbers, summary = await told(context, follow=follow)
    assert numbers == list(range(1, count + 1))
    assert summary == {
        "kind": "summary",
        "run": RUN,
        "status": RunStatus.COMPLETED,
        "events": count,
        "last": count,
    }


async def test_events_are_told_from_the_one_after_a_number(
    context: Context, record: Record
) -> None:
    await record(whole_run())
    count = len(whole_run())
    assert (await told(context, since=count - 2))[0] == [count - 1, count]
    numbers, summary = await told(context, since=count)
    assert numbers == []
    assert (summary["events"], summary["last"]) == (0, count)


async def artifacts(
    context: Context, record: Record, events: list[Event]
) -> tuple[ArtifactsFound, RunFolder, list[str]]:
    folder = await record(events)
    result = list_artifacts(ArtifactsParameters(run="latest"), context)
    return result, folder, load_action("artifacts").text(result).splitlines()


async def test_artifacts_are_listed_once_each_and_missed_when_gone(
    context: Context, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(context.project.root)
    events = [*beginning(), started("map"), written("map"), written("map", "map.svg")]
    path = context.project.crew_dir / "runs" / RUN / "artifacts" / "map" / "1"
    result, folder, _ = await artifacts(context, record, [*events, completed("map")])
    path.mkdir(parents=True)
    (path / "map.svg").touch()
    assert [one.name for one in result.artifacts] == ["result.md", "map.svg"]
    assert result.artifacts[0].path == folder.path / "artifacts/map/1/result.md"
    again = list_artifacts(ArtifactsParameters(run=RUN), context)
    where = Path(".crew", "runs", RUN, "artifacts", "map", "1")
    assert load_action("artifacts").text(again).splitlines() == [
        f"map  result.md  gone     abababababab  {where / 'result.md'}",
        f"map  map.svg    2.0 KiB  abababababab  {where / 'map.svg'}",
    ]


async def test_the_summary_is_listed_too(context: Context, record: Record) -> None:
    result, folder, lines = await artifacts(context, record, whole_run())
    assert result.summary == folder.path / "summary.md"
    assert lines[-1] == f"summary: {folder.path / 'summary.md'}"


async def test_a_run_that_left_nothing_says_so(
    context: Context, record: Record
) -> None:
    _, _, lines = await artifacts(context, record, beginning())
    assert lines == ["The run has left nothing yet."]
