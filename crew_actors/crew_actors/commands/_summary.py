"""`crew summary`: the page that a run ends with."""

from pathlib import Path

import attrs

from crew_actors.commands._runs import NAMED, find_run
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.journal import RunFolder, effective_status, read_state
from crew_actors.model import RunState, RunStatus
from crew_actors.observe import escaped
from crew_actors.runs._summary import summarise
from crew_actors.store import NotReadable, read_inside

_LIMIT = 1 << 20
"""Bytes of a summary that are shown."""


@attrs.frozen(kw_only=True)
class SummaryParameters:
    """Whose summary to show."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))


@attrs.frozen(kw_only=True)
class SummaryFound:
    """What a run has come to."""

    run: str
    status: RunStatus
    path: Path | None
    """Where it lies; None if it was made from where the run stands now."""
    text: str
    """Markdown."""


def tell_summary(parameters: SummaryParameters, context: Context) -> SummaryFound:
    """Tell the summary of a run; one made from its state if it has none, or none yet.

    Raises:
      UserError: there is no such run, or its journal cannot be read.
    """
    folder = find_run(parameters.run, context)
    status = effective_status(folder)
    state = read_state(folder)
    path, text = _stored(folder, state)
    if path is None:
        if status is RunStatus.RUNNING and state.status is RunStatus.WAITING:
            status = RunStatus.WAITING
        text = summarise(state, status=status.value, why=state.why)
    return SummaryFound(run=folder.run, status=status, path=path, text=text)


def _stored(folder: RunFolder, state: RunState) -> tuple[Path | None, str]:
    if state.summary is None:
        return None, ""
    try:
        content = read_inside(folder.path, state.summary, _LIMIT)
    except NotReadable:
        return None, ""
    return folder.path / state.summary, content.decode("utf-8", "replace")


def _text(found: SummaryFound) -> str:
    return "\n".join(map(escaped, found.text.splitlines()))


ACTION = Action[SummaryParameters, SummaryFound](
    name="summary", parameters=SummaryParameters, handler=tell_summary, text=_text
)
