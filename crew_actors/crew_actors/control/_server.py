# 1. The token lies in the run's database, which only its owner's user can read. It is
#    compared in constant time. Whoever has not said it within a second is hung up on.
# 2. A caller costs the run nothing: lines are bounded, callers are few, and each waits
#    for its own answer only.
# 3. A caller that hangs up changes nothing about what it has asked for.
# 4. A follower is told how far the run is, not what happened: nothing is kept for it.
#    What it does not read for a while is not waited for.
"""Answer the callers of a run."""

import hmac
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeAlias, cast, final

import attrs
import trio

from crew_actors.control._errors import Refused
from crew_actors.control._wire import HELLO_LIMIT, Said, Wire, error_line
from crew_actors.errors import UserError

_log = logging.getLogger("crew_actors.control")

HELLO_DEADLINE: Final = 1.0
"""Seconds in which a caller must have shown the token."""

CALLERS: Final = 64
"""Callers at the same time; more wait in the system's own queue."""

ANSWER_SECONDS: Final = 1.0
"""Seconds that sending an answer may hold up the end of the run."""

FOLLOWER_SECONDS: Final = 10.0
"""Seconds in which a follower must have read a line, or be hung up on."""

ACCEPT_PAUSE: Final = 0.1
"""Seconds to wait when a caller cannot be taken, as in `trio.serve_listeners`."""

Handler: TypeAlias = Callable[[str, Said], Awaitable[Said]]
"""Does what a method asks for, with its parameters, and gives the result.

Raises `UserError` for what the caller can mend.
"""

Tell: TypeAlias = Callable[[Said], Awaitable[None]]
"""Tells a follower one thing, and waits until the line is sent."""

Follow: TypeAlias = Callable[[Said, Tell], Awaitable[None]]
"""Tells a follower, which has asked with parameters, one thing after the other.

Returns when there will be no more. Is cancelled when the follower hangs up. Raises
`UserError` for what the caller can mend.
"""


async def open_control() -> tuple[trio.SocketListener, int]:
    """Open a listener on the loopback address; return it and its port."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    return listener, cast("int", listener.socket.getsockname()[1])


@final
@attrs.frozen(eq=False)
class Control:
    """Answers the callers of one run."""

    token: str
    handle: Handler
    follow: Follow | None = None
    """Serves the method `follow`, after which a caller only listens."""

    async def serve(self, listener: trio.SocketListener) -> None:
        """Answer callers until cancelled. Their connections end then."""
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
                wire = Wire(stream)
                hello: Said | None = None
                with trio.move_on_after(HELLO_DEADLINE):
                    hello = await wire.hear(HELLO_LIMIT)
                if hello is None or not self._knows(hello):
                    return
                await self._converse(wire)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return  # the caller has hung up, which is its right
        finally:
            room.release()

    async def _converse(self, wire: Wire) -> None:
        while True:
            request = await wire.hear()
            if request is None:
                return
            params = request.get("params", {})
            follows = request.get("method") == "follow" and isinstance(params, dict)
            if follows and self.follow is not None:
                await _tell_news(self.follow, wire, cast("Said", params))
                return
            answer = await self._reply(request)
            # What was granted may have ended the run, and with it this: it is told.
            with trio.CancelScope(
                shield=True, deadline=trio.current_time() + ANSWER_SECONDS
            ):
                await wire.say(answer)

    async def _reply(self, request: Said) -> Said:
        method, params = request.get("method"), request.get("params", {})
        if not isinstance(method, str) or not isinstance(params, dict):
            return error_line(Refused("BadRequest", "a method and params are needed"))
        try:
            return {"result": await self.handle(method, cast("Said", params))}
        except UserError as error:
            return error_line(error)
        except Exception:  # noqa: BLE001  # a defect costs its caller the answer, never the run
            _log.exception("the request %r could not be answered", method)
            told = "internal error; the log of the run tells more"
            return error_line(Refused("InternalError", told, exit_code=70))

    def _knows(self, hello: Said) -> bool:
        token = hello.get("token")
        return isinstance(token, str) and hmac.compare_digest(
            token.encode("utf-8", "replace"), self.token.encode()
        )


async def _tell_news(follow: Follow, wire: Wire, params: Said) -> None:
    """Tell a follower what it wants to know, until it says or reads no more."""

    async def tell(news: Said) -> None:
        with trio.move_on_after(FOLLOWER_SECONDS) as patience:
            await wire.say({"news": news})
        if patience.cancelled_caught:
            raise trio.BrokenResourceError

    async def hang_up() -> None:
        with suppress(trio.BrokenResourceError):
            await wire.hear(HELLO_LIMIT)
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hang_up)
        try:
            await follow(params, tell)
        except UserError as error:
            with suppress(trio.BrokenResourceError):
                await wire.say(error_line(error))
        except trio.BrokenResourceError:
            pass  # it has hung up, or does not read
        except Exception:  # noqa: BLE001  # a defect costs the follower its news, never the run
            _log.exception("a follower cannot be told any more")
        nursery.cancel_scope.cancel()
