"""Runs that this process works on, as its clients see them."""

import os
from pathlib import Path

import pytest
import trio
from tests.support.crews import echo
from tests.support.feeds import Gate, feeds_in, reading
from tests.support.plans import plan, task

from crew_actors.console.feeds import NoFeed, Scope
from crew_actors.journal import UnknownRun
from crew_actors.observe.displays import event_object


async def test_a_run_is_seen_from_its_first_state_to_its_last(folder: Path) -> None:
    gate = Gate()
    async with feeds_in(folder, worker=gate) as (crew, feeds):
        run = await crew.start(plan(task("a"), task("b", "a")))
        async with reading(feeds, Scope("run", run=run.id)) as client:
            assert client.known["order"] == ["a", "b"]
            assert client.known["run"]["owner"] == {"pid": os.getpid(), "here": True}
            await client.until("run", status="running")
            gate.open.set()
            await client.until("run", status="completed", owner=None)
            tasks = client.known["tasks"]
            assert [one["status"] for one in tasks.values()] == ["completed"] * 2
            assert client.known["run"]["usage"] == {"input": 6, "output": 8, "cost": 1}
            assert client.known["run"]["counts"] == {"completed": 2}
            assert client.known["run"]["seq"] == run.state.seq


async def test_the_list_of_runs_shows_a_run_that_begins(folder: Path) -> None:
    gate = Gate()
    async with feeds_in(folder, worker=gate) as (crew, feeds):
        scope = Scope("runs")
        async with reading(feeds, scope) as client:
            assert client.known == {"runs": {}}
            run = await crew.start(plan(task("a")))
            with trio.fail_after(2):
                while not client.known["runs"].get(run.id, {}).get("counts"):
                    await client.step()
            row = client.known["runs"][run.id]
            assert (row["goal"], row["tasks"]) == ("try it", 1)
            gate.open.set()
            with trio.fail_after(2):
                while client.known["runs"][run.id]["owner"] is not None:
                    await client.step()
            assert client.known["runs"][run.id]["status"] == "completed"


async def test_events_come_in_order_and_none_is_missing(folder: Path) -> None:
    async with feeds_in(folder, worker=echo) as (crew, feeds):
        run = await crew.start(plan(*(task(f"t{n}") for n in range(40))))
        async with reading(feeds, Scope("events", run=run.id)) as client:
            state = await run.wait()
            with trio.fail_after(5):
                while client.known["events"][-1]["seq"] < state.seq:
                    await client.step()
            events = [event_object(one) async for one in run.events()]
            assert client.known["events"] == events
            assert all(len(one["changes"]["events"]) <= 256 for one in client.frames)


async def test_a_reader_goes_on_where_it_was(folder: Path) -> None:
    gate = Gate()
    async with feeds_in(folder, worker=gate) as (crew, feeds):
        run = await crew.start(plan(task("a")))
        for kind in ("run", "events"):
            gate.open = trio.Event()
            scope = Scope(kind, run=run.id)
            async with reading(feeds, scope) as client:
                await trio.testing.wait_all_tasks_blocked(0.1)
                known, rev = client.known, client.cursor.rev
            async with reading(feeds, scope, since=rev) as client:
                if client.cursor.snapshot is None:
                    assert client.cursor.rev == rev
                assert kind == "events" or client.cursor.snapshot is None
            assert known


async def test_what_there_is_not_is_refused(folder: Path) -> None:
    async with feeds_in(folder, worker=echo) as (_, feeds):
        with pytest.raises(NoFeed, match="there is no scope 'nothing'"):
            await feeds.subscribe(Scope("nothing"))
        with pytest.raises(NoFeed, match="needs a run"):
            await feeds.subscribe(Scope("run"))
        with pytest.raises(UnknownRun):
            await feeds.subscribe(Scope("run", run="20260101-000000-0000000000"))
        with pytest.raises(UnknownRun):
            await feeds.subscribe(Scope("run", run="../../etc"))
