"""Asking the owner of a run to stop it, and owners that do not answer."""

import pickle
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from tests.support.plans import RUN, plan, task

from crew_actors.control import (
    OwnerUnreachable,
    Refused,
    RunNotRunning,
    _client,
    call_owner,
    cancel_run,
    open_control,
)
from crew_actors.journal import Lease, RunFolder, open_journal
from crew_actors.model import RunCompleted, RunCreated, RunStarted, RunStatus


@asynccontextmanager
async def owned(tmp_path: Path, port: int | None) -> AsyncGenerator[RunFolder]:
    """Own a run as its runtime would, with *port* in the lease."""
    folder = RunFolder.create(tmp_path, RUN)
    lease = Lease.mine(now=time.time(), control_port=port, token="t")
    async with open_journal(folder, lease=lease, create=True) as journal:
        the_plan = plan(task("a"))
        await journal.append(
            RunCreated(run=RUN, workspace=str(tmp_path), plan=the_plan)
        )
        await journal.append(RunStarted())
        yield folder


@pytest.fixture(autouse=True)
def short_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_client, "ANSWER_DEADLINE", 0.3)


async def test_an_owner_that_does_not_listen_is_told(tmp_path: Path) -> None:
    async with owned(tmp_path, None) as folder:
        with pytest.raises(OwnerUnreachable, match="it does not listen") as caught:
            await cancel_run(folder, "x")
    assert "Press Ctrl-C where it runs" in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


async def test_an_owner_whose_port_is_closed_is_told(tmp_path: Path) -> None:
    listener, port = await open_control()
    await listener.aclose()
    async with owned(tmp_path, port) as folder:
        with pytest.raises(OwnerUnreachable):
            await cancel_run(folder, "x")


async def test_an_owner_that_says_nothing_is_told(tmp_path: Path) -> None:
    listener, port = await open_control()
    async with listener, owned(tmp_path, port) as folder:
        with pytest.raises(OwnerUnreachable, match="it is too slow"):
            await cancel_run(folder, "x")


async def _serve(listener: trio.SocketListener, answer: bytes) -> None:
    stream = await listener.accept()
    async with stream:
        await stream.receive_some()
        if answer:
            await stream.send_all(answer)


@pytest.mark.parametrize(
    ("answer", "why"),
    [(b"", "it hung up"), (b'{"result": {}}\n', "it does not write down its end")],
)
async def test_an_owner_that_does_not_keep_its_word_is_told(
    tmp_path: Path, answer: bytes, why: str
) -> None:
    listener, port = await open_control()
    async with (
        listener,
        owned(tmp_path, port) as folder,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(_serve, listener, answer)
        with pytest.raises(OwnerUnreachable, match=why):
            await cancel_run(folder, "x")


async def test_a_run_that_ends_while_it_is_asked_is_told_as_ended(
    tmp_path: Path,
) -> None:
    folder = RunFolder.create(tmp_path, RUN)
    listener, port = await open_control()
    lease = Lease.mine(now=time.time(), control_port=port, token="t")
    async with listener, open_journal(folder, lease=lease, create=True) as journal:
        created = RunCreated(run=RUN, workspace="/", plan=plan(task("a")))
        await journal.append(created)

        async def end() -> None:
            stream = await listener.accept()
            await journal.append(RunCompleted(summary=None))
            await stream.aclose()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(end)
            assert await cancel_run(folder, "x") is RunStatus.COMPLETED
    with pytest.raises(RunNotRunning, match="it is completed") as caught:
        await cancel_run(folder, "x")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        b'{"error": {"kind": "NotWaiting", "message": "no", "exit_code": 2}}\n',
        b'{"error": {"kind": "NotWaiting", "message": "no", "exit_code": "x"}}\n',
    ],
)
async def test_a_refusal_is_told_as_it_was_raised(
    tmp_path: Path, answer: bytes
) -> None:
    listener, port = await open_control()
    async with (
        listener,
        owned(tmp_path, port) as folder,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(_serve, listener, answer)
        with pytest.raises(Refused, match=r"^no$") as caught:
            await call_owner(folder, "respond", {})
    assert caught.value.kind == "NotWaiting"
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.exit_code) == ("no", caught.value.exit_code)
