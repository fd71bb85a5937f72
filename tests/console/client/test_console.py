"""The client against a real server, over real sockets."""

import gc
import json
import math
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
import trustme
from tests.support.console import Serving, console_in, console_of
from tests.support.crews import crew_in, echo, sleep
from tests.support.plans import plan, task

from crew_actors.console import ConsoleAddress, Tokens
from crew_actors.console.client import (
    AnswerLost,
    BadAddress,
    Console,
    ConsoleRefused,
    ConsoleUnreachable,
    _subscription,
    connect_console,
    read_address,
)
from crew_actors.runtimes import Completed, Job, Outcome, Port


@asynccontextmanager
async def client_of(
    address: ConsoleAddress, *, viewer: bool = False, patience: float = math.inf
) -> AsyncGenerator[Console]:
    tokens = address.tokens
    token = tokens.viewer if viewer else tokens.operator
    with trio.fail_after(20):
        async with connect_console(address.url, token, patience=patience) as console:
            yield console


async def test_a_run_is_watched_from_its_start_to_its_end(tmp_path: Path) -> None:
    async with (
        console_in(tmp_path, worker=echo) as (crew, address),
        client_of(address) as console,
    ):
        assert console.role == "operator"
        assert console.server["project"] == str(crew.project.root)
        assert console.actions["cancel"]["role"] == "operator"
        runs = console.subscribe("runs")
        assert await anext(runs) == {"runs": {}}
        run = await crew.start(plan(task("a"), task("b", "a")))
        async for state in runs:
            if state["runs"][run.id]["status"] == "completed":
                break
        async for state in console.subscribe("run", run=run.id):
            assert state["run"]["status"] == "completed"
            assert state["order"] == ["a", "b"]
            assert [one["status"] for one in state["tasks"].values()] == [
                "completed",
                "completed",
            ]
            break


async def test_a_state_that_was_given_stays_as_it_was(tmp_path: Path) -> None:
    async with console_in(tmp_path, worker=sleep) as (crew, address):
        run = await crew.start(plan(task("a")))
        async with client_of(address) as console:
            states = console.subscribe("run", run=run.id)
            first = await anext(states)
            kept = json.dumps(first)
            await console.call("cancel", run=run.id)
            async for state in states:
                if state["run"]["status"] == "cancelled":
                    break
            assert json.dumps(first) == kept


async def test_an_agent_is_asked_and_answered(tmp_path: Path) -> None:
    async def ask(job: Job, port: Port) -> Outcome:
        answer = await port.ask("Which way?", choices=("left", "right"))
        return Completed(text=f"went {answer}")

    async with console_in(tmp_path, worker=ask) as (crew, address):
        run = await crew.start(plan(task("a")))
        async with client_of(address) as console:
            async for state in console.subscribe("run", run=run.id):
                if state["tasks"]["a"]["questions"]:
                    break
            with pytest.raises(ConsoleRefused) as refused:
                await console.call("respond", run=run.id, answer="up")
            assert refused.value.kind == "NotAChoice"
            assert refused.value.exit_code == 2
            result = await console.call("respond", run=run.id, answer="left")
            assert result == {"kind": "answered", "run": run.id, "task": "a"}


async def test_notes_come_while_an_action_works(tmp_path: Path) -> None:
    async with console_in(tmp_path, worker=sleep) as (crew, address):
        run = await crew.start(plan(task("a")))
        async with client_of(address) as console:
            notes: list[str] = []
            await console.call("cancel", run=run.id, note=notes.append)
            assert notes == [f"Stopping run {run.id}."]


async def test_each_event_comes_once_also_over_a_slow_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_subscription, "WAITING", 3)

    async def talk(job: Job, port: Port) -> Outcome:
        for number in range(30):
            await port.progress(f"step {number}")
            await trio.sleep(0.01)
        return Completed(text="done")

    async with console_in(tmp_path, worker=talk) as (crew, address):
        run = await crew.start(plan(task("a")))
        async with client_of(address) as console:
            seen: list[int] = []
            async for state in console.subscribe("events", run=run.id):
                seen += [one["seq"] for one in state["events"]]
                if state["events"][-1]["kind"] == "run.completed":
                    break
                await trio.sleep(0.05)
            assert seen == list(range(1, len(seen) + 1))
            later = await anext(console.subscribe("events", run=run.id, since=4))
            assert later["events"][0]["seq"] == 5


async def test_output_is_put_together(tmp_path: Path) -> None:
    async with console_in(tmp_path, worker=echo) as (crew, address):
        run = await crew.start(plan(task("a")))
        await run.wait()
        async with client_of(address) as console:
            state = await anext(console.subscribe("output", run=run.id, task="a"))
            assert state["attempt"] is not None
            assert isinstance(state["text"], str)
            for scope in ("supervisors", "mailboxes", "deadletters", "metrics"):
                found = await anext(console.subscribe(scope))
                assert found


async def test_what_cannot_be_seen_is_told(tmp_path: Path) -> None:
    async with console_in(tmp_path) as (_, address), client_of(address) as console:
        with pytest.raises(ConsoleRefused, match="nowhere") as refused:
            await anext(console.subscribe("run", run="nowhere"))
        assert refused.value.exit_code == 2
        with pytest.raises(ValueError, match="there is no scope 'run s'"):
            console.subscribe("run s")
        with pytest.raises(ValueError, match="for the scope 'events' only"):
            console.subscribe("runs", since=1)


async def test_bad_parameters_are_told_one_by_one(tmp_path: Path) -> None:
    async with console_in(tmp_path) as (_, address), client_of(address) as console:
        with pytest.raises(ConsoleRefused) as refused:
            await console.call("steer", runn="latest")
        assert refused.value.exit_code == 2
        assert len(refused.value.problems) == 4


async def test_a_viewer_looks_only(tmp_path: Path) -> None:
    async with (
        console_in(tmp_path) as (_, address),
        client_of(address, viewer=True) as console,
    ):
        assert console.role == "viewer"
        assert (await console.call("status"))["runs"] == []
        with pytest.raises(ConsoleRefused, match="needs an operator's token"):
            await console.call("prune")


async def test_a_wrong_token_is_refused(tmp_path: Path) -> None:
    async with console_in(tmp_path) as (_, address):
        with pytest.raises(ConsoleRefused, match="not one of this server") as refused:
            async with connect_console(address.url, "operator.guess"):
                pytest.fail("it was let in")
        assert refused.value.code == 4401


async def test_nobody_is_there() -> None:
    with pytest.raises(ConsoleUnreachable, match=r"127\.0\.0\.1:9"):
        async with connect_console("http://127.0.0.1:9/#operator.x"):
            pytest.fail("there is somebody")


async def test_it_comes_back_and_goes_on_after_a_loss(tmp_path: Path) -> None:
    async with crew_in(tmp_path, worker=sleep) as crew, trio.open_nursery() as nursery:
        run = await crew.start(plan(task("a")))
        options: dict[str, Any] = {"tokens": Tokens()}
        serving = Serving()
        address = await nursery.start(serving.serve, crew, options)
        async with client_of(address) as console:
            states = console.subscribe("run", run=run.id)
            events = console.subscribe("events", run=run.id)
            await anext(states)
            seen = [one["seq"] for one in (await anext(events))["events"]]
            await serving.stop()
            while console.is_connected:
                await console.wait_changed()
            assert console.lost_why is not None
            nursery.start_soon(console.call, "status")  # it is only late
            options["port"] = address.port
            await nursery.start(Serving().serve, crew, options)
            await console.call("cancel", run=run.id)
            async for state in states:
                if state["run"]["status"] == "cancelled":
                    break
            async for more in events:
                seen += [one["seq"] for one in more["events"]]
                if more["events"][-1]["kind"] == "run.cancelled":
                    break
            assert seen == list(range(1, len(seen) + 1))
        nursery.cancel_scope.cancel()


async def test_what_goes_wrong_in_the_block_is_not_wrapped(tmp_path: Path) -> None:
    async with console_in(tmp_path) as (_, address):
        with pytest.raises(LookupError, match="of the user"):
            async with client_of(address):
                raise LookupError("of the user")
        with pytest.raises(ConsoleRefused, match="nowhere"):
            async with client_of(address) as console:
                await console.call("status", run="nowhere")


@pytest.mark.parametrize(
    ("text", "problem"),
    [("x" * (1 << 18), "262144 bytes"), ("x\udcff", "no text")],
)
async def test_what_cannot_be_sent_is_refused_before(
    text: str, problem: str, tmp_path: Path
) -> None:
    async with console_in(tmp_path) as (_, address), client_of(address) as console:
        with pytest.raises(ConsoleRefused, match=problem) as refused:
            await console.call("steer", run="latest", task="a", text=text)
        assert refused.value.exit_code == 2
        with pytest.raises(ConsoleRefused, match=problem):
            await anext(console.subscribe("run", run=text))
        assert (await console.call("status"))["runs"] == []


async def test_patience_begins_anew_with_each_loss(tmp_path: Path) -> None:
    async with crew_in(tmp_path, worker=sleep) as crew, trio.open_nursery() as nursery:
        run = await crew.start(plan(task("a")))
        options: dict[str, Any] = {"tokens": Tokens()}
        serving = Serving()
        address = await nursery.start(serving.serve, crew, options)
        options["port"] = address.port
        async with client_of(address, patience=2.0) as console:
            nursery.start_soon(partial(console.call, "wait", run=run.id))
            for _ in range(2):
                await console.call("status")
                await trio.sleep(2.1)
                await serving.stop()
                serving = Serving()
                await nursery.start(serving.serve, crew, options)
            assert (await console.call("status"))["runs"]
        nursery.cancel_scope.cancel()


async def test_what_acts_is_not_done_twice_by_itself(tmp_path: Path) -> None:
    """The answer is lost: nobody knows whether it was done."""

    async def stubborn(job: Job, port: Port) -> Outcome:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(0.5)
        raise AssertionError

    async with (
        crew_in(tmp_path, worker=stubborn) as crew,
        trio.open_nursery() as nursery,
    ):
        run = await crew.start(plan(task("a")))
        serving = Serving()
        address = await nursery.start(serving.serve, crew, {})
        async with client_of(address, patience=0.5) as console:
            states = console.subscribe("runs")
            await anext(states)

            def end(_: str) -> None:
                nursery.start_soon(serving.stop)

            with pytest.raises(AnswerLost, match="may have been done"):
                await console.call("cancel", run=run.id, note=end)
            with pytest.raises(ConsoleUnreachable):
                await console.call("status")
            with pytest.raises(ConsoleUnreachable):
                async for _ in states:
                    pass
            with pytest.raises(ConsoleUnreachable):
                await anext(console.subscribe("runs"))


async def test_a_server_with_other_tokens_is_not_asked_again(tmp_path: Path) -> None:
    async with crew_in(tmp_path) as crew, trio.open_nursery() as nursery:
        serving = Serving()
        address = await nursery.start(serving.serve, crew, {})
        async with client_of(address) as console:
            runs = console.subscribe("runs")
            await anext(runs)
            await serving.stop()
            options = {"port": address.port}
            await nursery.start(Serving().serve, crew, options)
            with pytest.raises(ConsoleRefused, match="not one of this server"):
                await console.call("status")
            with pytest.raises(ConsoleRefused):
                async for _ in runs:
                    pass
        nursery.cancel_scope.cancel()


async def test_who_stops_looking_is_told_no_more(tmp_path: Path) -> None:
    async def talk(job: Job, port: Port) -> Outcome:
        while True:
            await port.progress("hm")
            await trio.sleep(0.02)

    async with console_in(tmp_path, worker=talk) as (crew, address):
        run = await crew.start(plan(task("a")))
        async with client_of(address) as console:
            async for _ in console.subscribe("events", run=run.id):
                break
            gc.collect()
            with console.subscribe("run", run=run.id) as states:
                await anext(states)
            with pytest.raises(StopAsyncIteration):
                await anext(states)
            # 64 subscriptions may be open: these would be too many.
            for _ in range(200):
                with console.subscribe("runs") as runs:
                    await anext(runs)


async def test_a_subscription_has_one_reader(tmp_path: Path) -> None:
    async with console_in(tmp_path) as (_, address), client_of(address) as console:
        runs = console.subscribe("runs")
        await anext(runs)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(runs.__anext__)
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(RuntimeError, match="one task at a time"):
                await anext(runs)
            nursery.cancel_scope.cancel()


async def test_more_requests_at_once_than_the_server_takes(tmp_path: Path) -> None:
    async with (
        console_in(tmp_path) as (_, address),
        client_of(address) as console,
        trio.open_nursery() as nursery,
    ):
        for _ in range(60):
            nursery.start_soon(console.call, "status")


async def test_an_encrypted_console(tmp_path: Path) -> None:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)  # pyright: ignore[reportUnknownMemberType] # a foreign type
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)  # pyright: ignore[reportUnknownMemberType] # as above
    async with crew_in(tmp_path) as crew, console_of(crew, tls=server) as address:
        link = address.link(address.tokens.viewer)
        async with connect_console(link, tls=trusted) as console:
            assert console.url == address.url
            assert (await console.call("status"))["runs"] == []
        with pytest.raises(ConsoleUnreachable, match=r"(?i)certificate"):
            async with connect_console(link):
                pytest.fail("nobody trusts it")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("127.0.0.1:80", "no address of a console"),
        ("ftp://a/#t", "no address of a console"),
        ("http://user:secret@a/#t", "no address of a console"),
        ("http://a:99999/#t", "is no address"),
        ("http://a/", "there is no token for a"),
        ("http://a/#" + "t" * 300, "no token of a console"),
    ],
)
def test_what_is_no_address(url: str, problem: str) -> None:
    with pytest.raises(BadAddress, match=problem) as refused:
        read_address(url)
    assert "#" not in str(refused.value)


def test_no_token_is_in_the_text_of_an_address() -> None:
    address = read_address("http://[::1]:80/#operator.secret")
    assert address.url == "http://[::1]:80/"
    assert "secret" not in repr(address)
    assert read_address("https://a/x", "t").authority == "a:443"
