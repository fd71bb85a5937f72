"""A report tells what is known, also of what is broken, and no secret."""

import json
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from tests.support.crews import crew_in, echo, finish
from tests.support.plans import plan, task

from crew_actors.journal import RunFolder
from crew_actors.model import CommandSpec, ProcessStarted, RunId
from crew_actors.places import Places
from crew_actors.runtimes import Completed, Job, Outcome, Port
from crew_actors.store import TargetInTheWay, _diagnose, diagnose_run

SECRET = "ghp_" + "a1B2" * 9
HOME = Path("/home/somebody")


def report(
    folder: RunFolder, target: Path | None = None, **environ: str
) -> tuple[dict[str, Any], tuple[str, ...]]:
    data = folder.path.parents[3] / "data"
    path, problems = diagnose_run(
        folder,
        target,
        places=Places(config=data, data=data),
        environ=environ,
        home=HOME,
        now=1000.0,
    )
    found: dict[str, Any] = json.loads(path.read_text())
    return found, problems


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


async def test_where_a_run_stands_is_in_it(project: Path) -> None:
    run = await finish(project, plan(task("a")), worker=echo)
    found, problems = report(run.folder, LANG="C")
    assert problems == ()
    assert (found["schema"], found["made_at"], found["run"]) == (1, 1000.0, run.id)
    assert (found["status"], found["owner"]) == ("completed", "released")
    assert found["state"]["tasks"]["a"]["status"] == "completed"
    assert found["events"][-1]["event"]["kind"] == "run.completed"
    assert found["lease"]["pid"] > 0
    assert "token" not in found["lease"]
    assert found["versions"]["trio"]
    assert found["processes"] == []


async def test_it_says_no_secret_and_few_values(project: Path) -> None:
    async def tell(job: Job, port: Port) -> Outcome:
        await port.progress(f"token={SECRET} in {HOME}/x")
        return Completed(text="done")

    run = await finish(project, plan(task("a")), worker=tell)
    values = {"LANG": "C", "MY_TOKEN": "hunter2hunter2", "OTHER": "plain"}
    found, _ = report(run.folder, None, **values, PATH=f"{HOME}/bin:/bin")
    text = json.dumps(found)
    assert "token=" in text
    assert "~/x" in text
    for hidden in (SECRET, "hunter2", "plain", str(HOME)):
        assert hidden not in text
    assert found["environment"] == {
        "names": ["LANG", "MY_TOKEN", "OTHER", "PATH"],
        "values": {"LANG": "C", "PATH": "~/bin:/bin"},
    }


async def test_at_most_200_events_are_in_it(project: Path) -> None:
    run = await finish(project, plan(*(task(f"t{n}") for n in range(80))), worker=echo)
    found, _ = report(run.folder)
    assert len(found["events"]) == 200
    assert found["events"][-1]["seq"] == run.state.seq


async def test_a_run_that_cannot_be_read_is_reported_all_the_same(
    project: Path,
) -> None:
    run = await finish(project, plan(task("a")), worker=echo)
    run.folder.database.write_bytes(b"x" * 8192)
    found, problems = report(run.folder)
    assert found["state"] is None
    assert len(problems) == 5
    assert all("damaged" in one for one in problems)
    assert len(found["problems"]) == 5


async def test_a_run_that_never_began_has_no_owner(project: Path) -> None:
    folder = RunFolder.create(project, RunId("20260101-000000-0000000000"))
    found, problems = report(folder)
    assert found["lease"] is None
    assert len(problems) == 5


async def test_a_run_that_nobody_ever_owned_has_no_lease(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(_: RunFolder) -> None:
        return None

    run = await finish(project, plan(task("a")), worker=echo)
    monkeypatch.setattr(_diagnose, "read_lease", nobody)
    found, problems = report(run.folder)
    assert (found["lease"], problems) == (None, ())


async def test_processes_of_the_run_are_in_it(project: Path) -> None:
    command = CommandSpec(argv=("sleep", "60"))
    asleep = plan(task("a"))
    asleep = attrs.evolve(asleep, tasks=(attrs.evolve(task("a"), command=command),))
    with trio.fail_after(30):
        async with crew_in(project) as crew:
            run = await crew.start(asleep)
            async for recorded in run.events():
                if isinstance(recorded.event, ProcessStarted):
                    break
            found, _ = await trio.to_thread.run_sync(report, run.folder)
            run.cancel("enough")
            await run.wait()
    assert "sleep" in [one["name"] for one in found["processes"]]
    assert {one["task"] for one in found["processes"]} == {"a"}
    assert (found["status"], found["owner"]) == ("running", "held")


async def test_a_file_that_is_there_is_not_replaced(project: Path) -> None:
    run = await finish(project, plan(task("a")), worker=echo)
    target = project / "mine.json"
    target.write_text("mine")
    with pytest.raises(TargetInTheWay):
        report(run.folder, target)
    assert target.read_text() == "mine"
    report(run.folder)
    report(run.folder)  # its own are replaced
