"""Runs that another process works on."""

import json
import signal
from pathlib import Path

import pytest
import trio
from tests.support.crews import echo
from tests.support.feeds import Client, feeds_in, owner, reading

from crew_actors.console.feeds import Scope, _watch
from crew_actors.journal import RunFolder, read_events
from crew_actors.observe.displays import event_object
from crew_actors.runs import cancel_run


async def test_a_run_of_another_process_is_seen_as_its_own_would_be(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is seen is told by the owner: nobody looks by the clock.
    monkeypatch.setattr(_watch, "REST", 1000.0)
    monkeypatch.setattr(_watch, "UNHEARD", 1000.0)
    async with owner(folder, "a", "b") as other, feeds_in(folder) as (_, feeds):
        scope = Scope("run", run=other.run)
        async with reading(feeds, scope) as client:
            assert client.known["run"]["owner"] == {
                "pid": other.process.pid,
                "here": False,
            }
            assert client.known["run"]["status"] == "running"
            await other.order("say a half of it")
            await until(client, "a", progress="half of it")
            await other.order("end b")
            await until(client, "b", status="completed")


async def test_events_of_another_process_come_once_and_in_order(folder: Path) -> None:
    async with owner(folder, "a") as other, feeds_in(folder) as (crew, feeds):
        scope = Scope("events", run=other.run)
        async with reading(feeds, scope) as client:
            await other.order("say a first")
            await other.order("end a")
            with trio.fail_after(5):
                while client.known["events"][-1]["kind"] != "run.completed":
                    await client.step()
            found = await crew.find(other.run)
            events = [event_object(one) for one in read_events(found)]
            assert client.known["events"] == json.loads(json.dumps(events))


async def test_a_run_whose_process_is_killed_is_interrupted(folder: Path) -> None:
    async with owner(folder, "a") as other, feeds_in(folder) as (_, feeds):
        scope = Scope("run", run=other.run)
        async with (
            reading(feeds, scope) as one,
            reading(feeds, Scope("runs")) as all_runs,
        ):
            with trio.fail_after(5):
                while all_runs.known["runs"][other.run]["status"] != "running":
                    await all_runs.step()
            other.process.send_signal(signal.SIGKILL)
            await other.process.wait()
            await one.until("run", status="interrupted", owner=None)
            with trio.fail_after(5):
                while all_runs.known["runs"][other.run]["status"] != "interrupted":
                    await all_runs.step()


async def test_a_run_that_another_process_begins_is_listed(folder: Path) -> None:
    async with feeds_in(folder) as (_, feeds), reading(feeds, Scope("runs")) as client:
        assert client.known["runs"] == {}
        async with owner(folder, "a") as other:
            with trio.fail_after(10):
                while not client.known["runs"].get(other.run, {}).get("owner"):
                    await client.step()
            assert client.known["runs"][other.run]["counts"] == {"running": 1}
            await cancel_run(RunFolder(folder / ".crew/runs" / other.run), "enough")
            with trio.fail_after(5):
                while client.known["runs"][other.run]["status"] != "cancelled":
                    await client.step()


async def test_a_run_that_is_taken_up_here_is_followed_on(folder: Path) -> None:
    async with (
        owner(folder, "a") as other,
        feeds_in(folder, worker=echo) as (crew, feeds),
        reading(feeds, Scope("run", run=other.run)) as client,
    ):
        await until(client, "a", status="running")  # that is on disk
        other.process.send_signal(signal.SIGKILL)
        await other.process.wait()
        await client.until("run", status="interrupted")
        await crew.resume(other.run)
        await client.until("run", status="completed", owner=None)
        assert client.known["tasks"]["a"]["attempts"] == 2


async def until(client: Client, task: str, **wanted: object) -> None:
    with trio.fail_after(10):
        while not all(client.known["tasks"][task][k] == v for k, v in wanted.items()):
            await client.step()
