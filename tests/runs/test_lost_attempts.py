"""Attempts that had begun when their owner was killed, and of which no event is left."""

from pathlib import Path

from tests.support.crews import crew_in
from tests.support.plans import plan, task

from crew_actors.model import RunStatus
from crew_actors.places import Places, find_project
from crew_actors.runs import create_run
from crew_actors.runtimes import Completed, Job, Outcome, Port


async def test_what_a_lost_attempt_has_left_is_put_aside(tmp_path: Path) -> None:
    """The folder of an attempt may be on disk when its first event is not."""
    root = tmp_path / "project"
    root.mkdir()
    places = Places(config=tmp_path / "config", data=tmp_path / "data")
    folder = await create_run(find_project(root), places, plan(task("a")))
    for name in ("a.1", "a.1.lost-1"):
        left = folder.path / "work" / name
        left.mkdir(parents=True)
        (left / "half.txt").write_text(name)
    stored = folder.artifacts / "a" / "a.1" / "notes.md"
    stored.parent.mkdir(parents=True)
    stored.write_text("half")
    seen: list[list[str]] = []

    async def look(job: Job, port: Port) -> Outcome:
        seen.append([path.name for path in job.folder.iterdir()])
        notes = tmp_path / "notes"
        notes.write_text("whole")
        await port.artifact("notes.md", notes)
        return Completed(text="done")

    async with crew_in(root, worker=look) as crew:
        state = await (await crew.resume(folder)).wait()
    assert state.status is RunStatus.COMPLETED, state.why
    assert seen == [[]]
    kept = {path.parent.name: path.read_text() for path in folder.path.glob("work/*/*")}
    assert kept == {
        "a.1.lost-1": "a.1.lost-1",
        "a.1.lost-2": "a.1",
        "a.1.lost.artifacts-1": "half",
    }
    assert stored.read_text() == "whole"
