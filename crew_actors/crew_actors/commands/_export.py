"""`crew export`: put a run into one file."""

from functools import partial
from pathlib import Path

import attrs
import trio

from crew_actors.commands._layout import shown_path
from crew_actors.commands._runs import NAMED, find_run
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.observe import clean, counted, size
from crew_actors.store import Exported, export_run


@attrs.frozen(kw_only=True)
class ExportParameters:
    """What to export, and where to."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))
    to: str | None = attrs.field(
        default=None,
        metadata=told(
            "the file to write, or a folder for it; without it, a file in `.crew/exports`"
        ),
    )


@attrs.frozen(kw_only=True)
class ExportReport:
    """What was written."""

    run: str
    path: Path
    size: int
    """Bytes."""
    sha256: str
    events: int
    files: int
    left_out: tuple[str, ...]
    """Files of the run that are not in it, each with the reason."""


async def export(parameters: ExportParameters, context: Context) -> ExportReport:
    """Put the journal, the plan and the artifacts of a run into one file.

    Secrets are masked, and paths below the home folder begin with `~`. Cancelled, the
    file is there whole, or not at all.

    Raises:
      UserError: there is no such run, it cannot be read, or is too large; or there is
        a file already.
    """
    folder = find_run(parameters.run, context)
    target = None if parameters.to is None else Path(parameters.to)
    work = partial(export_run, folder, target, home=Path.home())
    return _report(await trio.to_thread.run_sync(work))


def _report(done: Exported) -> ExportReport:
    manifest = done.manifest
    return ExportReport(
        run=manifest.run,
        path=done.path,
        size=done.size,
        sha256=done.sha256,
        events=manifest.events,
        files=len(manifest.files),
        left_out=tuple(f"{one.path}: {one.why}" for one in manifest.left_out),
    )


def _text(report: ExportReport) -> str:
    files = counted(report.files, "file")
    lines = [f"{shown_path(report.path)}: {size(report.size)}, {files}"]
    lines += [f"left out: {clean(one)}" for one in report.left_out]
    return "\n".join(lines)


ACTION = Action[ExportParameters, ExportReport](
    name="export", parameters=ExportParameters, handler=export, text=_text
)
