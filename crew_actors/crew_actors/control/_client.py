"""Ask the process that owns a run."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, cast, final

import attrs
import trio

from crew_actors.control._errors import OwnerUnreachable, Refused, RunNotRunning
from crew_actors.control._wire import ANSWER_LIMIT, LINE_LIMIT, Said, Wire, line_of
from crew_actors.journal import Lease, RunFolder, effective_status, read_lease
from crew_actors.model import RunStatus

ANSWER_DEADLINE: Final = 10.0
"""Seconds in which an owner must have answered a request."""

_LOOK: Final = 0.02  # seconds between looks at what another process is writing


async def call_owner(folder: RunFolder, method: str, params: Said) -> Said:
    """Ask the owner of the run in *folder*; return its result.

    A cancelled call may have been carried out.

    Raises:
      RunNotRunning: nobody works on the run.
      Refused: the owner says why not.
      OwnerUnreachable: the owner lives, but does not answer.
      JournalError: the run cannot be read.
    """
    async with _connected(folder) as wire:
        return await _asked(wire, method, params)


async def cancel_run(folder: RunFolder, why: str) -> RunStatus:
    """Ask the owner of the run to stop it, and wait until it has.

    Returns the status with which the run ended. Cancelling this call leaves the
    request standing.

    Raises:
      RunNotRunning: there is nothing to stop.
      OwnerUnreachable: the owner lives, but does not answer.
      JournalError: the run cannot be read.
    """
    owner: Lease | None = None
    try:
        async with _connected(folder) as wire:
            owner = await trio.to_thread.run_sync(read_lease, folder)
            await _asked(wire, "cancel", {"why": why})
            await wire.hear()  # comes to its end when the run has
    except OwnerUnreachable:
        status = await _status(folder)
        if not _has_ended(status):
            raise
        return status  # it ended by itself, meanwhile
    pid = 0 if owner is None else owner.pid
    with trio.move_on_after(ANSWER_DEADLINE):
        return await wait_for_run(folder)
    raise OwnerUnreachable(folder.run, pid, "it does not write down its end")


@asynccontextmanager
async def follow_owner(folder: RunFolder, params: Said) -> AsyncGenerator["News"]:
    """Hear from the owner of the run in *folder* what is new, for the length of a block.

    Raises:
      RunNotRunning: nobody works on the run.
      OwnerUnreachable: the owner lives, but does not listen, or has gone just now.
      JournalError: the run cannot be read.
    """
    async with _connected(folder) as wire:
        await wire.say({"method": "follow", "params": params})
        yield News(wire)


@final
@attrs.frozen(eq=False)
class News:
    """What the owner of a run tells of it."""

    _wire: Wire

    async def next(self) -> Said | None:
        """Wait for the next news; None when there will be no more.

        Cancelling this takes nothing that was not given.

        Raises:
          Refused: the owner does not tell any.
        """
        try:
            said = await self._wire.hear()
        except trio.BrokenResourceError:
            return None  # the owner has gone
        if said is None:
            return None
        error = said.get("error")
        if isinstance(error, dict):
            raise _refusal(cast("Said", error))
        news = said.get("news")
        return cast("Said", news) if isinstance(news, dict) else {}


async def wait_for_run(folder: RunFolder) -> RunStatus:
    """Wait until the run has ended or nobody works on it; tell where it stands.

    Another process writes it, and there is nothing to wait on but its files: they are
    looked at, up to twice in a second. Cancelling this leaves the run alone.

    Raises:
      JournalError: the run cannot be read.
    """
    pause = _LOOK
    while True:
        status = await _status(folder)
        if _has_ended(status):
            return status
        await trio.sleep(pause)
        pause = min(pause * 1.5, 0.5)


@asynccontextmanager
async def _connected(folder: RunFolder) -> AsyncGenerator[Wire]:
    status = await _status(folder)
    owner = await trio.to_thread.run_sync(read_lease, folder)
    if _has_ended(status) or owner is None:
        raise RunNotRunning(folder.run, status.value)
    unreachable = partial(OwnerUnreachable, folder.run, owner.pid)
    if owner.control_port is None:
        raise unreachable("it does not listen")
    try:
        with trio.fail_after(ANSWER_DEADLINE):
            stream = await trio.open_tcp_stream("127.0.0.1", owner.control_port)
        async with stream:
            wire = Wire(stream)
            await wire.say({"token": owner.token})
            yield wire
    except (OSError, trio.BrokenResourceError) as error:
        raise unreachable(str(error)) from error
    except trio.TooSlowError as error:
        raise unreachable("it is too slow") from error


async def _asked(wire: Wire, method: str, params: Said) -> Said:
    """Ask, and wait for the answer.

    Raises:
      Refused: the owner says why not, or the request is too long.
      BrokenResourceError: it hung up.
      TooSlowError: it did not answer.
    """
    said: Said = {"method": method, "params": params}
    size = len(line_of(said))
    if size > LINE_LIMIT:
        msg = f"{method}: the request has {size:,} bytes; at most {LINE_LIMIT:,} go"
        raise Refused("BadRequest", msg)
    await wire.say(said)
    with trio.fail_after(ANSWER_DEADLINE):
        answer = await wire.hear(ANSWER_LIMIT)
    if answer is None:
        msg = "it hung up"
        raise trio.BrokenResourceError(msg)
    error = answer.get("error")
    if isinstance(error, dict):
        raise _refusal(cast("Said", error))
    result = answer.get("result")
    return cast("Said", result) if isinstance(result, dict) else {}


def _refusal(error: Said) -> Refused:
    code = error.get("exit_code")
    return Refused(
        str(error.get("kind")),
        str(error.get("message")),
        exit_code=code if isinstance(code, int) else 1,
    )


async def _status(folder: RunFolder) -> RunStatus:
    return await trio.to_thread.run_sync(effective_status, folder)


def _has_ended(status: RunStatus) -> bool:
    return status.ended or status is RunStatus.INTERRUPTED
