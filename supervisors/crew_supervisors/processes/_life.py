# One process from its start to its verified end.
#
# 1. One task (`run`) decides; others only ask. The first reason counts, a later
#    request can only shorten the grace.
# 2. The order is: the program exits or a stop is asked for; the ladder; the drain;
#    the kill of whatever is left; the proof; the rest of the output; the exit.
# 3. The task is shielded, so that a cancelled owner still gets a whole stop. Once
#    a stop is asked for, the shield lasts at most the graces of the ladder +
#    ORPHAN_GRACE + KILL_LIMIT + the host's own limits + REST_LIMIT.
# 4. The readers run until the end: a program that cannot write cannot exit.
"""The life of a process: deadlines, the stop ladder, drain and proof."""

import math
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, final

import trio

from crew_supervisors.processes._errors import StdinClosed
from crew_supervisors.processes._host import CannotSignal, Host
from crew_supervisors.processes._input import Input
from crew_supervisors.processes._limits import Limits
from crew_supervisors.processes._output import Output, StreamName
from crew_supervisors.processes._overflow import Overflow
from crew_supervisors.processes._report import (
    SIGKILL,
    ExitReason,
    ProcessExit,
    StopReport,
)
from crew_supervisors.processes._scan import Sweep
from crew_supervisors.processes._spec import ProcessSpec, Rung, StreamMode

CANCEL_GRACE: Final = 0.2  # seconds of politeness that are left when we are cancelled
ORPHAN_GRACE: Final = 0.2  # seconds for the rest of a tree whose program has exited
KILL_LIMIT: Final = 5.0  # seconds for SIGKILL to work; beyond it there are survivors
REST_LIMIT: Final = 0.5  # seconds for what is still in the pipes of a dead tree


@final
class Life:
    """What happens to one process."""

    def __init__(self, spec: ProcessSpec, host: Host) -> None:
        self.spec = spec
        self.host = host
        self.outputs: dict[StreamName, Output] = {
            "stdout": self._output("stdout", spec.stdout, host.stdout),
            "stderr": self._output("stderr", spec.stderr, host.stderr),
        }
        self.limits = Limits(startup=spec.startup, silence=spec.silence, wall=spec.wall)
        self.input = Input(spec.name, host.stdin)
        self.report: StopReport | None = None
        self.exit: ProcessExit | None = None
        self.stopped = trio.Event()
        """The tree is gone, and `report` says so."""
        self.ended = trio.Event()
        """The output is closed too, and `exit` says how."""
        self._turn = trio.Event()
        self._asked: tuple[ExitReason, str] | None = None
        self._asked_at = 0.0
        self._answered = False
        self._beaten: float | None = None
        self._kill_by = math.inf
        self._rung = trio.CancelScope()
        self._escalations: list[str] = []
        self._unsent: list[str] = []

    def _output(
        self, name: StreamName, mode: StreamMode, pipe: trio.abc.ReceiveStream
    ) -> Output:
        folder = self.spec.overflow
        prefix = f"{name}-{self.host.identity.pid}"
        overflow = None
        if folder is not None:
            overflow = Overflow(folder, prefix, self.spec.overflow_limit)
        return Output(self.spec, mode, pipe, overflow)

    def ask(self, reason: ExitReason, words: str, grace: float) -> None:
        """Ask for a stop with at most *grace* seconds before the kill."""
        now = trio.current_time()
        if self.host.exited.is_set():
            grace = min(grace, ORPHAN_GRACE)  # only the rest of the tree is left
        elif self._asked is None:
            self._asked = (reason, words)
            self._asked_at = now
        self._kill_by = min(self._kill_by, now + grace)
        self._rung.deadline = min(self._rung.deadline, self._kill_by)
        self._turn.set()

    async def end(self, reason: ExitReason, words: str, grace: float) -> None:
        """Stop it, whatever becomes of the caller: shielded, and bounded by rule 3."""
        if not self.stopped.is_set():
            self.ask(reason, words, grace)
        with trio.CancelScope(shield=True):
            await self.stopped.wait()

    async def run(self) -> None:
        """Live. Ends when the tree is gone and the pipes are closed."""
        with trio.CancelScope(shield=True):
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self.host.run)
                    for output in self.outputs.values():
                        nursery.start_soon(output.run)
                    nursery.start_soon(self._watch_exit)
                    if self.limits.exist:
                        nursery.start_soon(self._watch_limits)
                    await self._go_through()
                    nursery.cancel_scope.cancel()
            finally:
                try:
                    if self.exit is None:  # a fault of ours must not set the tree free
                        await self.host.kill(KILL_LIMIT)
                        await self._close()
                finally:  # nor must it make anybody wait for ever
                    self.stopped.set()
                    self.ended.set()

    async def _go_through(self) -> None:
        await self._turn.wait()
        began = trio.current_time()
        if self._asked is not None:
            began = self._asked_at
        elif not self.host.lost:
            await self._wait_politely(self._output_or_tree_ends, self.spec.drain)
        if self._asked is not None:
            await self._climb()
        held = not self._output_ended()
        swept = await self.host.kill(KILL_LIMIT)
        self.report = self._make_report(swept, trio.current_time() - began)
        self.stopped.set()
        whole = await self._take_the_rest()
        await self._close()
        truncated = not whole or (held and swept.killed > 0 and self._asked is None)
        self.exit = self._make_exit(truncated=truncated)

    async def _climb(self) -> None:
        """Go up the ladder until the program has exited or the grace is over."""
        for rung in self.spec.ladder:
            if self.host.exited.is_set() or trio.current_time() >= self._kill_by:
                break
            await self._wait_politely(partial(self._step, rung), rung.grace)
        if self.host.exited.is_set() and not self.host.lost:
            await self._wait_politely(self.host.wait_empty, ORPHAN_GRACE)

    async def _step(self, rung: Rung) -> None:
        """Do what *rung* says, and wait for the exit. Its message must not hold it up."""
        if rung.signal:
            with trio.CancelScope(shield=True):  # bounded by the host
                try:
                    if await self.host.signal(rung.signal):
                        self._escalations.append(rung.signal)
                except CannotSignal as error:
                    self._unsent.append(f"{rung.signal}: {error}")
                    return  # it was not asked, so it needs no time
        if not rung.speaks:
            await self.host.exited.wait()
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._speak, rung)
            await self.host.exited.wait()
            nursery.cancel_scope.cancel()

    async def _speak(self, rung: Rung) -> None:
        why = "it did not read its stdin in time" if rung.send else ""
        try:
            if rung.send:
                await self.input.send(rung.send)
                self._escalations.append("message")
                why = ""
        except StdinClosed as error:
            why = error.why
        finally:
            if why:
                self._unsent.append(why)
        if rung.close_stdin:
            await self.input.close_now("the ladder of its stop has closed it")
            self._escalations.append("stdin closed")

    async def _wait_politely(
        self, wait: Callable[[], Awaitable[None]], grace: float
    ) -> None:
        self._rung = trio.CancelScope()
        self._rung.deadline = min(trio.current_time() + grace, self._kill_by)
        with self._rung:
            await wait()

    async def _watch_exit(self) -> None:
        await self.host.exited.wait()
        self._turn.set()

    async def _watch_limits(self) -> None:
        started = trio.current_time()
        while not (self._answered or self.host.exited.is_set()):
            deadline, reason = self.limits.next(started=started, last=self._last_sign())
            if deadline <= trio.current_time():
                words = reason.replace("_", " ")
                self.ask(reason, words, math.inf)
                return
            await trio.sleep_until(deadline)

    def beat(self) -> None:
        """Count now as a moment in which the program said something."""
        self._beaten = trio.current_time()

    def _last_sign(self) -> float | None:
        """Return when the program said something; None when it never did."""
        if any(output.waiting for output in self.outputs.values()):
            return trio.current_time()  # we are slow, not the program
        spoken = [self._beaten, *(output.last for output in self.outputs.values())]
        return max((at for at in spoken if at is not None), default=None)

    async def linger(self, quiet: float) -> None:
        """Return when it has exited, or has said nothing for *quiet* seconds.

        It has given its answer: no deadline fires any more.
        """
        self._answered = True
        since = trio.current_time()
        while not self.host.exited.is_set():
            until = max(since, self._last_sign() or since) + quiet
            if until <= trio.current_time():
                return
            with trio.move_on_at(until):
                await self.host.exited.wait()

    def _output_ended(self) -> bool:
        return all(output.ended.is_set() for output in self.outputs.values())

    async def _output_or_tree_ends(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._cancel_when_output_ends, nursery.cancel_scope)
            await self.host.wait_empty()
            nursery.cancel_scope.cancel()

    async def _cancel_when_output_ends(self, scope: trio.CancelScope) -> None:
        for output in self.outputs.values():
            await output.ended.wait()
        scope.cancel()

    async def _take_the_rest(self) -> bool:
        """Read what is left in the pipes. Tell whether it was all."""
        with trio.move_on_after(REST_LIMIT):
            for output in self.outputs.values():
                output.take_the_rest()
            for output in self.outputs.values():
                await output.ended.wait()
            return True
        return False

    async def _close(self) -> None:
        for output in self.outputs.values():
            await output.aclose()
        if self.host.stdin is not None:
            await self.host.stdin.aclose()
        await self.host.aclose()

    def _make_report(self, swept: Sweep, took: float) -> StopReport:
        if swept.killed:
            self._escalations.append("SIGKILL")
        return StopReport(
            name=self.spec.name,
            pid=self.host.identity.pid,
            containment=self.host.kind,
            asked="exit" if self._asked is None else self._asked[1],
            escalations=tuple(self._escalations),
            unsent=tuple(self._unsent),
            survivors=swept.survivors,
            took=took,
            graceful=not swept.killed and not swept.survivors,
        )

    def _make_exit(self, *, truncated: bool) -> ProcessExit:
        assert self.report is not None
        status = self.host.status
        by_signal = None if status is None or status >= 0 else signal_name(-status)
        reason: ExitReason = "exited"
        if self._asked is not None:
            reason = self._asked[0]
        elif self.host.lost:
            reason = "containment_lost"
        elif by_signal == "SIGKILL":
            reason = "killed_by_system"
        return ProcessExit(
            returncode=status if by_signal is None else None,
            signal=by_signal,
            reason=reason,
            stderr_tail=self.outputs["stderr"].tail(),
            output_truncated=truncated,
            report=self.report,
        )


def signal_name(number: int) -> str:
    """Return the name of a signal; real-time signals have none, so their number."""
    if number == SIGKILL:
        return "SIGKILL"  # where `signal` does not know it too
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
