# Actions that take their time, at a terminal or in a pipe.
#
# 1. Ctrl-C, SIGTERM and SIGHUP stop a run gracefully; the second one of them, at once.
#    Where there is no run, they end the action. A signal that was ignored when the
#    program began (nohup) stays ignored.
# 2. Output never holds up the work. A reader that goes away is not missed; one that
#    stands still is waited for until somebody wants to stop.
# 3. The result comes last, when the display has taken its final form.
"""Show an action while it goes on, and stop it when asked to."""

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import attrs
import trio

from crew_actors.commands._errors import NoOutput
from crew_actors.commands._layout import is_terminal
from crew_actors.commands._table import Action, Context, RunControl, Watcher
from crew_actors.commands.asking import Declined, agrees_to, can_ask
from crew_actors.errors import UserError
from crew_actors.model import Recorded
from crew_actors.observe import json_line
from crew_actors.observe.displays import (
    Display,
    EventDisplay,
    JsonDisplay,
    PlainDisplay,
)
from crew_actors.observe.printer import Printer, open_printer, writer_to
from crew_actors.resources import NotTrusted, TrustStore

INTERRUPTED: Final = 130
"""What a command exits with that was ended by a signal."""

_PATIENCE: Final = 5.0
"""Seconds that a write may take once the user wants to stop."""

_SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
_SHOWN_LIVE: Final = frozenset(
    {"run", "resume", "retry", "respond", "approve", "attach"}
)
"""Actions that follow a run from its first event."""

_GRACEFUL: Final = "Stopping. Press Ctrl-C again to stop at once."
_AT_ONCE: Final = "Stopping at once."


@attrs.define(eq=False)
class Desk(Watcher):
    """Watches one action for its user, who may stop it."""

    display: Display
    out: Printer
    as_json: bool
    stops: int = attrs.field(default=0, init=False)
    """How often the user wanted to stop."""

    parting: str = attrs.field(default="", init=False)
    """What to say to a user who ends the action."""

    _run: RunControl | None = attrs.field(default=None, init=False)
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)

    async def event(self, recorded: Recorded) -> None:
        """Show it."""
        await self.display.event(recorded)

    async def note(self, text: str) -> None:
        """Show it."""
        await self.display.note(text)

    async def result(self, value: object, text: str) -> None:
        """Write it."""
        shown = json_line(value) if self.as_json else text
        await self.out.put(f"{shown}\n" if shown else "")

    def started(self, run: RunControl) -> None:
        """Have it stopped from now on, instead of the action."""
        self._run = run

    def leaves(self, parting: str) -> None:
        """Say it when the user ends the action."""
        self.parting = parting

    def stop(self, name: str) -> str | None:
        """Do what the signal called *name* asks for; return what to tell the user."""
        self.stops += 1
        if self._run is None:
            self._scope.cancel()
            return None
        now = self.stops > 1
        why = "interrupted by the user" if name == "SIGINT" else f"stopped by {name}"
        self._run.cancel(why, now=now)
        return _AT_ONCE if now else _GRACEFUL

    async def work(self, work: Callable[[], Awaitable[object]]) -> object | None:
        """Do *work*; None if the user stopped it before it had a run of its own."""
        with self._scope:
            return await work()
        return None


def follow(
    action: Action[Any, Any], parameters: object, context: Context, *, as_json: bool
) -> int:
    """Carry out *action*, show what goes on, and return the exit code.

    Where it is refused because the user has not agreed to something, and the user
    can be asked, that is done, and the action is tried once more.

    Raises:
      UserError: as the action's handler does, perhaps inside of a group.
      Declined: the user was asked, and does not agree.
    """
    work = partial(carry_out, action, parameters, context, as_json=as_json)
    try:
        return trio.run(work)
    except NotTrusted as refusal:
        if as_json or not can_ask():
            raise
        missing = refusal.missing
    if not agrees_to(missing):
        raise Declined
    TrustStore(context.places).grant(context.project, missing)
    return trio.run(work)


async def carry_out(
    action: Action[Any, Any], parameters: object, context: Context, *, as_json: bool
) -> int:
    """Do what `follow` does, but ask nothing."""
    code = 0
    refusal: UserError | None = None
    async with (
        open_printer(writer_to(sys.stderr)) as errors,
        open_printer(writer_to(sys.stdout)) as out,
    ):
        display = _display(action.name, out, errors, as_json=as_json)
        desk = Desk(display, out, as_json)
        try:
            result = await _watched(action, parameters, context, desk, (out, errors))
        except UserError as error:
            refusal = error  # it leaves when all is written, and no group wraps it
        else:
            code = INTERRUPTED
            if result is not None:
                code = action.exit_code(result)
                text = json_line(result) if as_json else action.text(result)
                await out.put(f"{text}\n" if text else "")
            elif desk.parting:
                await errors.put(f"{desk.parting}\n")
    if refusal is not None:
        raise refusal
    if out.failure is not None:
        raise NoOutput(str(out.failure))
    return INTERRUPTED if code and desk.stops else code


async def _watched(
    action: Action[Any, Any],
    parameters: object,
    context: Context,
    desk: Desk,
    printers: tuple[Printer, ...],
) -> object | None:
    """Have the action handled, with a display and with an ear for signals."""
    result: object | None = None
    refusal: UserError | None = None

    async def handle() -> object:
        handled: object = await action.handler(
            parameters, attrs.evolve(context, watcher=desk)
        )
        return handled

    async with trio.open_nursery() as nursery:
        await nursery.start(_heed_signals, desk, printers)
        nursery.start_soon(desk.display.run)
        try:
            result = await desk.work(handle)
        except UserError as error:
            refusal = error
        nursery.cancel_scope.cancel()
    if refusal is not None:
        raise refusal
    return result


def _display(
    action: str, printer: Printer, errors: Printer, *, as_json: bool
) -> Display:
    if as_json:
        return JsonDisplay(printer, errors)
    if action not in _SHOWN_LIVE:
        return EventDisplay(printer, errors)
    if is_terminal(sys.stdout) and os.environ.get("TERM", "dumb") != "dumb":
        from crew_actors.observe.live import LiveDisplay  # noqa: PLC0415 - loads rich

        return LiveDisplay(printer)
    return PlainDisplay(printer, errors)


async def _heed_signals(
    desk: Desk,
    printers: tuple[Printer, ...],
    *,
    task_status: trio.TaskStatus[None],
) -> None:
    wanted = [
        number
        for number in signal.Signals
        if number.name in _SIGNALS and signal.getsignal(number) != signal.SIG_IGN
    ]
    if not wanted:
        task_status.started()
        return
    with trio.open_signal_receiver(*wanted) as signals:
        task_status.started()
        async for number in signals:
            answer = desk.stop(signal.Signals(number).name)
            for printer in printers:
                printer.hurry(_PATIENCE)
            if answer is not None:
                await desk.note(answer)
