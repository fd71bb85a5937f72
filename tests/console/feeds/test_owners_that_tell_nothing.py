"""Runs whose owner does not tell news, or does not let others look."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from tests.support.feeds import feeds_in, reading
from tests.support.plans import RUN, plan, task

from crew_actors.console.feeds import Scope, _watch
from crew_actors.control import Control, Refused, open_control
from crew_actors.journal import Journal, Lease, RunFolder, open_journal
from crew_actors.model import RunCompleted, RunCreated, RunStarted

Said = dict[str, object]


async def refuse(method: str, params: Said) -> Said:
    raise Refused("UnknownMethod", f"there is no request {method}")


@asynccontextmanager
async def owned(root: Path, *, listens: bool) -> AsyncGenerator[Journal]:
    """Own a run as a runtime of another kind would."""
    folder = RunFolder.create(root, RUN)
    listener, port = await open_control()
    async with listener, trio.open_nursery() as nursery:
        nursery.start_soon(Control("t", refuse).serve, listener)
        lease = Lease.mine(
            now=time.time(), control_port=port if listens else None, token="t"
        )
        async with open_journal(folder, lease=lease, create=True) as journal:
            the_plan = plan(task("a"))
            await journal.append(
                RunCreated(run=RUN, workspace=str(root), plan=the_plan)
            )
            yield journal
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("listens", [False, True])
async def test_a_run_is_looked_at_now_and_then_if_its_owner_tells_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, listens: bool
) -> None:
    monkeypatch.setattr(_watch, "UNHEARD", 0.05)
    async with (
        owned(folder, listens=listens) as journal,
        feeds_in(folder) as (_, feeds),
        reading(feeds, Scope("run", run=RUN)) as client,
        reading(feeds, Scope("supervisors", run=RUN)) as tree,
    ):
        assert client.known["run"]["status"] == "queued"
        assert tree.known["tree"] is None
        await journal.append(RunStarted())
        await client.until("run", status="running")
        await journal.append(RunCompleted(summary="summary.md"))
        await client.until("run", status="completed")
