# The way into a run from other processes: a socket on the loopback address.
#
# 1. One line of JSON in, one line at once to acknowledge it, and the end of the
#    connection when the run has ended. Nothing else is understood.
# 2. The token lies in the run's database, which only its owner's user can read. It is
#    compared in constant time. Whoever has not said it within a second is hung up on.
# 3. A caller costs the run nothing: lines are short, callers are few.
"""Ask a run that lives in another process to stop."""

import hmac
import json
from contextlib import suppress
from typing import Never, cast

import attrs
import trio

from crew_actors.actors import Inbox, MailboxClosed, MailboxFull, Ref
from crew_actors.errors import UserError
from crew_actors.journal import Lease, RunFolder, effective_status, read_lease
from crew_actors.model import RunStatus
from crew_actors.runs._messages import RunMessage, Stop
from crew_actors.runs._words import words

HELLO_DEADLINE = 1.0
"""Seconds in which a caller must have said what it wants."""

LINE_LIMIT = 16_384
"""Bytes of a request."""

ANSWER_DEADLINE = 5.0
"""Seconds in which an owner must have acknowledged a request."""

CALLERS = 16
"""Callers at the same time; more wait in the system's own queue."""

ACCEPT_PAUSE = 0.1
"""Seconds to wait when a caller cannot be taken, as in `trio.serve_listeners`."""


class RunNotRunning(UserError):
    """The run has ended, or its owner has gone. There is nothing to stop."""

    def __init__(self, run: str, status: str) -> None:
        super().__init__(run, status)
        self.run = run
        self.status = status

    def __str__(self) -> str:
        return f"run {self.run} is not running: it is {self.status}"


class OwnerUnreachable(UserError):
    """The run's owner lives, but does not answer. Nothing is known of the request."""

    exit_code = 1

    def __init__(self, run: str, pid: int, why: str) -> None:
        super().__init__(run, pid, why)
        self.run = run
        self.pid = pid
        self.why = why

    def __str__(self) -> str:
        return (
            f"run {self.run} is owned by process {self.pid}, which does not answer "
            f"({self.why}). Press Ctrl-C where it runs, or end that process"
        )


async def open_control() -> tuple[trio.SocketListener, int]:
    """Open a listener on the loopback address; return it and its port."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    return listener, cast("int", listener.socket.getsockname()[1])


@attrs.frozen(eq=False)
class Control:
    """Answers the callers of one run."""

    token: str
    run: Ref[RunMessage]

    async def serve(self, listener: trio.SocketListener) -> None:
        """Answer callers until cancelled."""
        room = trio.Semaphore(CALLERS)
        async with trio.open_nursery() as nursery:
            while True:
                await room.acquire()
                try:
                    stream = await listener.accept()
                except OSError:
                    # No descriptor is free, most likely: others may free some.
                    room.release()
                    await trio.sleep(ACCEPT_PAUSE)
                    continue
                nursery.start_soon(self._answer, stream, room)

    async def _answer(self, stream: trio.SocketStream, room: trio.Semaphore) -> None:
        try:
            async with stream:
                with trio.move_on_after(HELLO_DEADLINE) as hello:
                    request = _parse(await _line(stream))
                    if request is None or not self._knows(request):
                        return
                    self._stop(request)
                    await _say(stream, {"ok": True})
                if not hello.cancelled_caught:
                    await trio.sleep_forever()  # the caller waits for our own end
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return  # the caller has hung up, which is its right
        finally:
            room.release()

    def _knows(self, request: dict[str, object]) -> bool:
        token = request.get("token")
        return isinstance(token, str) and hmac.compare_digest(
            token.encode("utf-8", "replace"), self.token.encode()
        )

    def _stop(self, request: dict[str, object]) -> None:
        why = request.get("why")
        # The run is about to end anyway, or as many requests wait as there can be.
        with suppress(MailboxClosed, MailboxFull):
            self.run.tell_system(Stop(why if isinstance(why, str) else "asked to stop"))


async def control_actor(
    inbox: Inbox[Never], control: Control, listener: trio.SocketListener
) -> None:
    """Answer the callers of a run for as long as it is at work."""
    del inbox  # nobody sends it anything: it is stopped by its supervisor
    await control.serve(listener)


async def cancel_run(folder: RunFolder, why: str) -> RunStatus:
    """Ask the process that owns the run to stop it, and wait until it has.

    Returns the status with which the run ended. Cancelling this call leaves the
    request standing.

    Raises:
      RunNotRunning: there is nothing to stop.
      OwnerUnreachable: the owner lives, but does not answer.
      JournalError: the run cannot be read.
    """
    status = await _status(folder)
    owner = await trio.to_thread.run_sync(read_lease, folder)
    if _has_ended(status) or owner is None:
        raise RunNotRunning(folder.run, status.value)
    try:
        await _ask(owner, why)
    except (OSError, trio.BrokenResourceError, trio.TooSlowError) as error:
        status = await _status(folder)
        if _has_ended(status):
            return status  # it ended by itself, meanwhile
        reason = str(error) or "it is too slow"
        raise OwnerUnreachable(folder.run, owner.pid, reason) from error
    return await _ended(folder, owner.pid)


async def _ask(owner: Lease, why: str) -> None:
    """Ask *owner* to stop its run; return when its connection has ended.

    Raises:
      OSError: nobody listens.
      BrokenResourceError: it hung up before it had understood.
      TooSlowError: it did not answer.
    """
    if owner.control_port is None:
        msg = "it does not listen"
        raise trio.BrokenResourceError(msg)
    with trio.fail_after(ANSWER_DEADLINE):
        stream = await trio.open_tcp_stream("127.0.0.1", owner.control_port)
    async with stream:
        await _say(stream, {"token": owner.token, "why": words(why)})
        with trio.fail_after(ANSWER_DEADLINE):
            accepted = _parse(await _line(stream))
        if accepted is None:
            msg = "it hung up"
            raise trio.BrokenResourceError(msg)
        await _line(stream)  # comes to its end when the run has


async def _status(folder: RunFolder) -> RunStatus:
    return await trio.to_thread.run_sync(effective_status, folder)


def _has_ended(status: RunStatus) -> bool:
    return status.ended or status is RunStatus.INTERRUPTED


async def _ended(folder: RunFolder, pid: int) -> RunStatus:
    """Tell the status of a run whose owner is about to write its last event."""
    with trio.move_on_after(ANSWER_DEADLINE):
        while True:
            status = await _status(folder)
            if _has_ended(status):
                return status
            await trio.sleep(
                0.02
            )  # another process writes it: there is nothing to wait on
    raise OwnerUnreachable(folder.run, pid, "it does not write down its end")


async def _say(stream: trio.SocketStream, answer: dict[str, object]) -> None:
    await stream.send_all(json.dumps(answer).encode() + b"\n")


async def _line(stream: trio.SocketStream) -> bytes:
    """Read one line; what is there, if the other side ends or says too much."""
    read = bytearray()
    while len(read) < LINE_LIMIT and b"\n" not in read:
        more = await stream.receive_some(LINE_LIMIT)
        if not more:
            break
        read += more
    return bytes(read.partition(b"\n")[0])


def _parse(line: bytes) -> dict[str, object] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None  # whoever says this is not one of ours
    return cast("dict[str, object]", found) if isinstance(found, dict) else None
