# The client runs on trio, as a guest of the loop that the panes run on: one thread, and
# no code of the client is written twice.
#
# 1. Panes call `choose`, `ask` and `stop`, which do nothing but leave word with trio.
#    Trio calls back with what is to be shown.
# 2. It ends when it is stopped, or when the console does not let it in.
"""A client of a console for a program that is on asyncio."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol, final

import attrs
import trio
from outcome import Outcome

from crew_actors.console.client import Address, Console, Subscription, connect
from crew_actors.errors import UserError

Json = dict[str, Any]


class Screen(Protocol):
    """What shows the client's news. Each is called within trio, and must not wait."""

    def show(self, scope: str, state: Json) -> None:
        """Show the state of `runs`, `run` or `output`."""
        ...

    def tell(self, text: str) -> None:
        """Say something about what was asked."""
        ...

    def tell_link(self, why: str | None) -> None:
        """Say that the connection is there, or why it is not."""
        ...


@final
@attrs.define(eq=False)
class Guest:
    """Watches a console, and asks it for actions."""

    address: Address
    screen: Screen
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _token: trio.lowlevel.TrioToken | None = attrs.field(default=None, init=False)
    _console: Console | None = attrs.field(default=None, init=False)
    _nursery: trio.Nursery | None = attrs.field(default=None, init=False)
    _watched: dict[str, Subscription] = attrs.field(
        factory=dict[str, Subscription], init=False
    )
    _done: "asyncio.Future[Outcome[UserError | None]] | None" = attrs.field(
        default=None, init=False
    )

    def start(self, ended: Callable[[], None]) -> None:
        """Begin, in the loop that runs now. *ended* is called when all is over."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Outcome[UserError | None]] = loop.create_future()
        self._done = done

        def over(outcome: Outcome[UserError | None]) -> None:
            done.set_result(outcome)
            ended()

        trio.lowlevel.start_guest_run(
            self._main,
            run_sync_soon_threadsafe=loop.call_soon_threadsafe,
            done_callback=over,
            host_uses_signal_set_wakeup_fd=True,
        )

    async def finish(self) -> UserError | None:
        """End it; return why it ended by itself, if it did. Raises its defects."""
        if self._done is None:
            return None
        self.stop()
        return (await self._done).unwrap()

    def stop(self) -> None:
        """Have it end."""
        if self._token is None:
            self._scope.cancel()  # it ends when it begins
        else:
            self._soon(self._scope.cancel)

    def choose(self, scope: str, **named: str) -> None:
        """Watch this in place of what was watched of *scope*."""
        self._soon(partial(self._choose, scope, named))

    def ask(self, method: str, **named: str) -> None:
        """Have an action done, and tell what comes of it."""
        self._soon(partial(self._start, self._ask, method, named))

    def _soon(self, do: Callable[[], object]) -> None:
        """Have trio do something; nothing, when it has not begun or has ended."""
        if self._token is not None:
            try:
                self._token.run_sync_soon(do)
            except trio.RunFinishedError:
                return

    def _start(self, do: Callable[..., Awaitable[None]], *args: object) -> None:
        if self._nursery is not None:
            self._nursery.start_soon(do, *args)

    async def _main(self) -> UserError | None:
        self._token = trio.lowlevel.current_trio_token()
        try:
            with self._scope:
                async with (
                    connect(self.address, math.inf, "crew console") as console,
                    trio.open_nursery() as self._nursery,
                ):
                    self._console = console
                    self._choose("runs", {})
                    await self._heed_link(console)
        except UserError as error:
            return error
        finally:
            self._nursery = None
        return None

    async def _heed_link(self, console: Console) -> None:
        while True:
            self.screen.tell_link(console.lost_why)
            await console.wait_changed()

    def _choose(self, scope: str, named: dict[str, str]) -> None:
        old = self._watched.pop(scope, None)
        if old is not None:
            old.close()
        if self._console is not None:
            states = self._console.subscribe(scope, **named)  # type: ignore[arg-type] # of texts
            self._watched[scope] = states
            self._start(self._watch, scope, states)

    async def _watch(self, scope: str, states: Subscription) -> None:
        try:
            async for state in states:
                if self._watched.get(scope) is states:
                    self.screen.show(scope, state)
        except UserError as error:
            self.screen.tell(str(error))
        else:
            if states.why is not None:
                self.screen.tell(f"{scope}: {states.why}")

    async def _ask(self, method: str, named: dict[str, str]) -> None:
        assert self._console is not None
        self.screen.tell(f"{method} …")
        try:
            result = await self._console.call(method, dict(named))
        except UserError as error:
            self.screen.tell(f"{method}: {error}")
        else:
            said = result.get("outcome") or result.get("status") or "done"
            why = f": {result['why']}" if result.get("why") else ""
            self.screen.tell(f"{method}: {said}{why}")
