# A detached run has a process of its own, the runner, which nobody waits for.
#
# 1. Whoever starts it waits until the runner has said that it owns the run, or why it
#    does not: one line over a pipe. Nothing is polled.
# 2. The runner has a session of its own, so that no terminal takes it along, and no
#    parent that could be left with a zombie. What it has to say goes into the `log` of
#    the run, masked.
# 3. It ends with its run. SIGTERM stops the run in order, a second one at once.
"""Start a runner, and be one: `python -m crew_actors.detached ORDER`."""

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

import attrs
import trio

from crew_actors.errors import UserError
from crew_actors.journal import RunFolder, read_state
from crew_actors.model import Limits, Selection, TaskId
from crew_actors.places import find_project, user_places
from crew_actors.redaction import MaskedStream, redact
from crew_actors.runs import Run, open_crew

READY_DEADLINE: Final = 60.0
"""Seconds in which a runner must have taken its run. A slow disk needs some."""

_log = logging.getLogger("crew_actors.detached")
_SIGNALS: Final = ("SIGTERM", "SIGINT", "SIGBREAK")


class RunnerFailed(UserError):
    """The runner of a detached run did not begin. Its run stands as it stood."""

    exit_code = 1

    def __init__(self, run: str, why: str, log: Path) -> None:
        super().__init__(run, why, log)
        self.run = run
        self.why = why
        self.log = log

    def __str__(self) -> str:
        return f"run {self.run} could not be taken up: {self.why} (see {self.log})"


@attrs.frozen(kw_only=True)
class RunnerOrder:
    """What a runner is to do."""

    folder: Path
    """Of the run."""
    why: str
    retry: tuple[str, ...] | None = None
    """The tasks to be done again; empty: all that failed; None: none."""
    slots: int | None = None
    """Attempts at the same time; None: as the machine can bear."""
    limits: Limits | None = None
    """Those of the run from now on; None: as they were."""


async def start_runner(order: RunnerOrder, environ: Mapping[str, str]) -> int:
    """Start a runner; return its pid once it owns the run.

    It lives on when this process ends. Cancelled, it may have begun.

    Raises:
      RunnerFailed: it did not begin.
    """
    folder = RunFolder(order.folder)
    try:
        with trio.fail_after(READY_DEADLINE):
            line = await trio.to_thread.run_sync(
                _launch, order, folder, environ, abandon_on_cancel=True
            )
    except trio.TooSlowError:
        why = f"it said nothing within {READY_DEADLINE:g} seconds"
        raise RunnerFailed(folder.run, why, folder.log) from None
    except OSError as error:
        raise RunnerFailed(folder.run, str(error), folder.log) from error
    said = _parse(line)
    pid = said.get("ready")
    if not isinstance(pid, int):
        why = str(said.get("error") or "it ended without a word")
        raise RunnerFailed(folder.run, why, folder.log)
    return pid


def _launch(order: RunnerOrder, folder: RunFolder, environ: Mapping[str, str]) -> bytes:
    """Start a runner and return the line that it says. Blocks; runs in a thread."""
    told = json.dumps(attrs.asdict(order), default=str)
    with (
        folder.log.open("ab") as log,
        subprocess.Popen(
            [sys.executable, "-m", "crew_actors.detached", told],
            cwd=folder.path,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        ) as runner,
    ):
        assert runner.stdout is not None
        return runner.stdout.readline()  # then what was started ends: it has forked


def _parse(line: bytes) -> dict[str, object]:
    try:
        said: object = json.loads(line)
    except ValueError:
        return {}
    return cast("dict[str, object]", said) if isinstance(said, dict) else {}


def main(args: list[str]) -> int:
    """Be a runner: take up the run that is named, and end with it."""
    if hasattr(os, "fork") and os.fork() != 0:
        os._exit(0)  # whoever started us has nobody to wait for
    # Its log holds no secret, whoever writes: logging, `print`, the interpreter.
    sys.stderr = sys.stdout = MaskedStream(sys.stderr)
    order = read_order(args[0])
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    return trio.run(_work, order)


def read_order(text: str) -> RunnerOrder:
    """Make the order again that was told as *text*."""
    told = _parse(text.encode())
    retry = cast("list[str] | None", told["retry"])
    return RunnerOrder(
        folder=Path(str(told["folder"])),
        why=str(told["why"]),
        retry=None if retry is None else tuple(retry),
        slots=cast("int | None", told["slots"]),
        limits=_limits(told["limits"]),
    )


def _limits(told: object) -> Limits | None:
    """Make the limits again of what was told of them."""
    if told is None:
        return None
    return Limits(**cast("dict[str, Any]", told))


async def _work(order: RunnerOrder) -> int:
    folder = RunFolder(order.folder)
    tasks = order.retry
    retry = None if tasks is None else Selection(tasks=tuple(map(TaskId, tasks)))
    failure: BaseException | None = None
    try:
        state = await trio.to_thread.run_sync(read_state, folder)
        project = find_project(Path(state.workspace))
        places = user_places(os.environ)
        wanted = [number for number in signal.Signals if number.name in _SIGNALS]
        # Who hears that it is ready may send a signal in the same moment.
        with trio.open_signal_receiver(*wanted) as signals:
            async with open_crew(project, places=places, slots=order.slots) as crew:
                run = await crew.resume(
                    folder, why=order.why, retry=retry, limits=order.limits
                )
                _say({"ready": os.getpid()})
                await _until_ended(run, signals)
    except* (UserError, OSError) as group:
        failure = group.exceptions[0]
    if failure is None:
        return 0
    _log.error("%s", failure)
    _say({"error": redact(str(failure))})
    return 1


async def _until_ended(run: Run, signals: AsyncIterator[int]) -> None:
    async def heed() -> None:
        now = False
        async for number in signals:
            run.cancel(f"stopped by {signal.Signals(number).name}", now=now)
            now = True

    async with trio.open_nursery() as nursery:
        nursery.start_soon(heed)
        await run.wait()
        nursery.cancel_scope.cancel()


def _say(what: dict[str, object]) -> None:
    """Tell whoever started us; they may be gone. Only the first word is heard."""
    try:
        os.write(1, json.dumps(what).encode() + b"\n")
    except OSError:
        return
    os.dup2(2, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
