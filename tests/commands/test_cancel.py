import attrs
import pytest
from tests.commands.conftest import Record
from tests.commands.samples import RUN, whole_run

from crew_actors.commands import Context, Watcher, _cancel, load_action
from crew_actors.commands._cancel import Cancelled, CancelParameters, cancel
from crew_actors.commands._restart import Restarted
from crew_actors.journal import RunFolder
from crew_actors.model import RunStatus
from crew_actors.runs import RunNotRunning


class Notes(Watcher):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    async def note(self, text: str) -> None:
        self.notes.append(text)


async def test_the_owner_is_asked_with_the_reason(
    context: Context, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[RunFolder, str]] = []

    async def ask(folder: RunFolder, why: str) -> RunStatus:
        asked.append((folder, why))
        return RunStatus.CANCELLED

    def running(_: RunFolder) -> RunStatus:
        return RunStatus.RUNNING

    monkeypatch.setattr(_cancel, "cancel_run", ask)
    monkeypatch.setattr(_cancel, "effective_status", running)
    folder = await record(whole_run())
    notes = Notes()
    watched = attrs.evolve(context, watcher=notes)
    result = await cancel(CancelParameters(run="latest", reason="enough"), watched)
    assert asked == [(folder, "enough")]
    assert notes.notes == [f"Stopping run {RUN}."]
    assert result == Cancelled(run=RUN, status=RunStatus.CANCELLED)
    assert load_action("cancel").text(result) == f"run {RUN} cancelled"


async def test_a_run_that_has_ended_cannot_be_stopped(
    context: Context, record: Record
) -> None:
    await record(whole_run())
    notes = Notes()
    watched = attrs.evolve(context, watcher=notes)
    with pytest.raises(RunNotRunning, match="completed"):
        await cancel(CancelParameters(run="latest"), watched)
    assert notes.notes == []


async def test_a_task_of_a_run_that_has_ended_cannot_be_begun_anew(
    context: Context, record: Record
) -> None:
    await record(whole_run())
    action = load_action("restart")
    parameters = action.parameters(run="latest", task="scan")
    with pytest.raises(RunNotRunning, match="completed"):
        await action.handler(parameters, context)
    told = action.text(Restarted(run=RUN, task="scan"))
    assert told == f"run {RUN}: task scan begins anew"


async def test_a_watcher_may_heed_nothing(context: Context) -> None:
    await context.watcher.note("x")
