# Who asks sees everything; only what is certainly an orphan is ever ended.
"""`crew census`: the processes of runtimes, dead and alive."""

import attrs
import trio

from crew_actors.census import (
    Census,
    Ended,
    Finding,
    Verdict,
    end_orphans,
    records_folder,
    sweep_orphans,
    take_census,
)
from crew_actors.commands._layout import columns
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.observe import clean, duration, escaped

_HEADINGS = ("pid", "age", "verdict", "runtime", "run", "task", "name", "because")


@attrs.frozen(kw_only=True)
class CensusParameters:
    """Whether anything is to be done about orphans."""

    kill: bool = attrs.field(
        default=False,
        metadata=told("end the orphans: SIGTERM, and SIGKILL two seconds later"),
    )


@attrs.frozen(kw_only=True)
class Counted:
    """One process that carries our marker."""

    pid: int
    create_time: float
    """Seconds since 1970."""
    age: float
    """Seconds."""
    name: str
    command: str
    runtime: int | None
    """The pid of the runtime that started it; None if none has recorded it."""
    runtime_create_time: float | None
    """Seconds: since the boot on Linux, since 1970 elsewhere."""
    runtime_alive: bool | None
    """None if that cannot be told."""
    run: str
    task: str
    verdict: Verdict
    why: str
    ended: str | None
    """With `--kill`, of an orphan: `ended`, `killed`, `gone` or `survived`."""


@attrs.frozen(kw_only=True)
class Counts:
    """All processes that carry our marker, the oldest first."""

    processes: tuple[Counted, ...]
    problems: tuple[str, ...]
    """Records that could not be read; their processes are unknown."""


async def count_processes(parameters: CensusParameters, context: Context) -> Counts:
    """List the processes that carry our marker; with `kill`, end the orphans first.

    Without it nothing is signalled and nothing written. Cancelled, it sends no more
    signals.
    """
    folder = records_folder(context.places)
    ended: tuple[Ended, ...] = ()
    if parameters.kill:
        ended = await end_orphans(folder)
    census = await trio.to_thread.run_sync(take_census, folder, abandon_on_cancel=True)
    return _counts(census, ended, context.now())


def _counts(census: Census, ended: tuple[Ended, ...], now: float) -> Counts:
    handled = {one.finding.seen: one for one in ended}
    rows = [_counted(one.finding, now, one.how) for one in ended]
    rows += [
        _counted(one, now, None) for one in census.findings if one.seen not in handled
    ]
    return Counts(processes=tuple(rows), problems=census.problems)


def _counted(finding: Finding, now: float, ended: str | None) -> Counted:
    seen, record = finding.seen, finding.record
    owner = None if record is None else record.owner
    alive = {"alive": True, "gone": False}
    return Counted(
        pid=seen.pid,
        create_time=seen.born_at,
        age=max(0.0, now - seen.born_at),
        name=seen.name,
        command=seen.command,
        runtime=None if owner is None else owner.pid,
        runtime_create_time=None if owner is None else owner.created,
        runtime_alive=alive.get(finding.standing or ""),
        run="" if record is None else record.run,
        task="" if record is None else record.task,
        verdict=finding.verdict,
        why=finding.why,
        ended=ended,
    )


async def sweep(context: Context) -> None:
    """End the orphans of dead runtimes before a new one begins, and say so."""
    swept = await sweep_orphans(records_folder(context.places))
    if swept:
        await context.watcher.note(_swept_line(swept))


def _swept_line(swept: tuple[Ended, ...]) -> str:
    pids = ", ".join(str(one.finding.seen.pid) for one in swept)
    left = [str(one.finding.seen.pid) for one in swept if one.how == "survived"]
    line = f"Ended {_number(len(swept) - len(left))} of runtimes that died"
    lives = f"; alive, though killed: {', '.join(left)}" if left else ""
    return f"{line} (pid {pids}){lives}."


def _number(count: int) -> str:
    return "1 process" if count == 1 else f"{count} processes"


def _text(counts: Counts) -> str:
    lines = columns([_HEADINGS, *map(_cells, counts.processes)], indent="")
    if not counts.processes:
        lines = ["No process carries our marker."]
    lines += [f"Not counted: {escaped(problem)}" for problem in counts.problems]
    if any(one.verdict == "orphan" and one.ended is None for one in counts.processes):
        lines.append("crew census --kill ends the orphans.")
    return "\n".join(lines)


def _cells(one: Counted) -> tuple[str, ...]:
    runtime = "-"
    if one.runtime is not None:
        words = {True: "alive", False: "gone", None: "not known"}
        runtime = f"{one.runtime} ({words[one.runtime_alive]})"
    return (
        str(one.pid),
        duration(one.age),
        one.verdict if one.ended is None else f"{one.verdict}, {one.ended}",
        runtime,
        clean(one.run) or "-",
        clean(one.task) or "-",
        clean(one.name) or "-",
        one.why,
    )


def _exit_code(counts: Counts) -> int:
    return 1 if any(one.ended == "survived" for one in counts.processes) else 0


ACTION = Action[CensusParameters, Counts](
    name="census",
    parameters=CensusParameters,
    handler=count_processes,
    text=_text,
    exit_code=_exit_code,
)
