"""Looking at a run, from here and from other processes."""

from pathlib import Path

import pytest
import trio
from tests.support.crews import crew_in, echo
from tests.support.feeds import Gate
from tests.support.plans import plan, task

from crew_actors.control import Refused, call_owner, follow_owner
from crew_actors.runs import Crew, Run, look_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    project.mkdir()
    return project


async def at_work(crew: Crew) -> Run:
    run = await crew.start(plan(task("a")))
    while not run.state.tasks[run.state.plan.tasks[0].id].progress:
        await run.newer(run.state.seq)
    return run


async def test_what_others_see_of_the_actors_is_what_is_seen_here(folder: Path) -> None:
    gate = Gate()
    async with crew_in(folder, worker=gate) as crew:
        run = await at_work(crew)
        here = run.look()
        there = look_of(await call_owner(run.folder, "inspect", {}))
        assert here is not None
        assert there.tree == here.tree
        assert [box.name for box in there.mailboxes] == ["task/a.1"]
        assert there.letters == here.letters
        gate.open.set()
        await run.wait()
        left = run.look()
        assert left is not None
        assert left.tree.state == "stopped"
        assert left.mailboxes == ()


async def test_a_follower_is_told_how_far_the_journal_is(folder: Path) -> None:
    gate = Gate()
    async with crew_in(folder, worker=gate) as crew:
        run = await at_work(crew)
        async with follow_owner(run.folder, {"since": 0}) as news:
            told: list[int] = []
            while not told or told[-1] < run.state.seq:
                said = await news.next()
                assert said is not None
                told.append(int(str(said["seq"])))
            with trio.move_on_after(0.2) as quiet:
                await news.next()
            assert quiet.cancelled_caught
            gate.open.set()
            while (said := await news.next()) is not None:
                told.append(int(str(said["seq"])))
            assert told == sorted(set(told))
        await run.wait()


@pytest.mark.parametrize("since", ["1", True, 1.5, None, [1]])
async def test_a_follower_must_say_a_number(folder: Path, since: object) -> None:
    gate = Gate()
    async with crew_in(folder, worker=gate) as crew:
        run = await at_work(crew)
        async with follow_owner(run.folder, {"since": since}) as news:
            with pytest.raises(Refused, match="since, a whole number"):
                await news.next()
        with pytest.raises(Refused, match="inspect takes no parameters"):
            await call_owner(run.folder, "inspect", {"since": since})
        gate.open.set()


def test_what_is_no_look_is_refused() -> None:
    with pytest.raises(Refused, match="no look"):
        look_of({"tree": 1})


async def test_the_roster_has_the_runs_at_work(folder: Path) -> None:
    gate = Gate()
    async with crew_in(folder, worker=gate, quick=echo) as crew:
        assert crew.roster.at_work() == ()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(crew.roster.newer, 0)
            run = await at_work(crew)
        await crew.roster.newer(0)
        assert crew.roster.at_work() == (run,)
        assert crew.roster.find(run.id) is run
        other = await crew.start(plan(task("b", role="quick")))
        await other.wait()
        assert crew.roster.at_work() == (run,)
        assert crew.roster.find(other.id) is None
        assert crew.roster.find("../x") is None
        gate.open.set()


async def test_a_run_tells_of_a_newer_state_or_its_end(folder: Path) -> None:
    async with crew_in(folder, worker=echo) as crew:
        run = await crew.start(plan(task("a")))
        seq = 0
        while not run.ended:
            state = await run.newer(seq)
            assert state.seq > seq or run.ended
            seq = state.seq
        with trio.fail_after(1):
            assert (await run.newer(seq + 100)).seq == seq
        page = await run.page(0, limit=2)
        assert [one.seq for one in page] == [1, 2]
        assert await run.page(seq) == []
