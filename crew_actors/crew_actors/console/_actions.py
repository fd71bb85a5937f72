# The table of actions, for clients.
#
# 1. An action means the same here and on the command line: the same parameters, the same
#    checks, the same result. Files are those of the server's machine, and the server's
#    standard input is nobody's.
# 2. What starts a run is answered when the run is at work. It is a child of `works` from
#    then on: no client that hangs up takes a run along.
# 3. What blocks, blocks a thread: few at a time, and those that write, one by one.
"""Have actions done for clients."""

import inspect
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from itertools import count
from typing import Any, Final, Literal, final

import attrs
import trio

from crew_actors.commands import (
    ROLES,
    SUMMARIES,
    Action,
    BadParameters,
    Context,
    RunControl,
    Watcher,
    build,
    load_action,
)
from crew_actors.console._session import Exposed
from crew_actors.errors import UserError
from crew_actors.observe import json_line
from crew_actors.runs import Run
from crew_supervisors import KILL, ChildSpec, Supervisor, TooManyChildren

_log = logging.getLogger("crew_actors.console")

WORKS: Final = 64
"""Actions at the same time that have started something which goes on."""

_READERS: Final = 4  # threads of actions that only look
STARTING: Final = frozenset(
    {"run", "parallel", "resume", "retry", "respond", "approve"}
)
"""Actions that may last as long as a run."""

NOT_HERE: Final[Mapping[str, frozenset[str]]] = {
    "run": frozenset({"console"}),
    "parallel": frozenset({"goals_file"}),
    "create": frozenset({"content_file"}),
    "update": frozenset({"content_file"}),
    "transition": frozenset({"result_file"}),
}
"""Parameters that only a command line has."""

Note = Callable[[str], Awaitable[None]]


class TooManyWorks(UserError):
    """There is no room for another run that clients have started."""

    exit_code = 1

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most

    def __str__(self) -> str:
        return f"{self.most} runs that clients have started are at work; wait for one"


@final
@attrs.frozen(kw_only=True)
class Started:
    """A run is at work, in the process of the server."""

    kind: Literal["started"] = "started"
    run: str | None
    """None where there are several; they are among the runs of the project."""


@attrs.define(eq=False)
class _Outcome:
    """What an action has come to, so far."""

    _given: trio.Event = attrs.field(factory=trio.Event, init=False)
    _result: object = attrs.field(default=None, init=False)
    _error: Exception | None = attrs.field(default=None, init=False)

    @property
    def is_given(self) -> bool:
        return self._given.is_set()

    def give(self, result: object, error: Exception | None = None) -> bool:
        """Set what came first; False if something did before."""
        if self._given.is_set():
            return False
        self._result, self._error = result, error
        self._given.set()
        return True

    async def wait(self) -> object:
        await self._given.wait()
        if self._error is not None:
            raise self._error
        return self._result


@attrs.define(eq=False)
class _Asker(Watcher):
    """Tells a client what goes on, up to the moment when its run is at work."""

    tell: Note
    outcome: _Outcome | None = None

    def started(self, run: RunControl) -> None:
        if self.outcome is not None:
            name = str(run.id) if isinstance(run, Run) else None
            self.outcome.give(Started(run=name))

    async def note(self, text: str) -> None:
        if self.outcome is None or not self.outcome.is_given:
            await self.tell(text)


def exposed() -> dict[str, Exposed]:
    """Return the actions that clients may ask for, by their names."""
    return {
        name: Exposed(summary=SUMMARIES[name], role=role)
        for name, role in ROLES.items()
    }


@final
@attrs.define(eq=False)
class Actions:
    """Does what clients ask for."""

    context: Context
    works: Supervisor
    _reading: trio.CapacityLimiter = attrs.field(
        factory=partial(trio.CapacityLimiter, _READERS), init=False
    )
    _writing: trio.CapacityLimiter = attrs.field(
        factory=partial(trio.CapacityLimiter, 1), init=False
    )
    _numbers: Iterator[int] = attrs.field(factory=lambda: count(1), init=False)

    async def carry_out(
        self, name: str, params: Mapping[str, object], note: Note
    ) -> str:
        """Do the action called *name*; return its result as JSON.

        If cancelled, what it has started goes on; anything else ends as it does when
        its command is interrupted.

        Raises:
          UserError: as the action does.
        """
        limiter = self._reading if ROLES[name] == "viewer" else self._writing
        action = await trio.to_thread.run_sync(load_action, name)
        parameters = build(name, action.parameters, _checked(name, params))
        result: object
        if not inspect.iscoroutinefunction(action.handler):
            work = partial(action.handler, parameters, self.context)
            result = await trio.to_thread.run_sync(work, limiter=limiter)
        elif name in STARTING:
            result = await self._start(action, parameters, note)
        else:
            context = attrs.evolve(self.context, watcher=_Asker(note))
            result = await action.handler(parameters, context)
        return await trio.to_thread.run_sync(json_line, result)

    async def _start(
        self, action: Action[Any, Any], parameters: object, note: Note
    ) -> object:
        """Begin an action that goes on by itself; return what is known then."""
        outcome = _Outcome()
        name = f"{action.name}-{next(self._numbers)}"
        args = (action, parameters, note, outcome)
        try:
            await self.works.start(
                ChildSpec(name, self._work, args, restart="temporary", stop=KILL)
            )
        except TooManyChildren:
            raise TooManyWorks(WORKS) from None
        return await outcome.wait()

    async def _work(
        self,
        action: Action[Any, Any],
        parameters: object,
        note: Note,
        outcome: _Outcome,
    ) -> None:
        """Carry out an action to its end. Its end is the run's affair, not a failure."""
        context = attrs.evolve(self.context, watcher=_Asker(note, outcome))
        try:
            result = await action.handler(parameters, context)
        except Exception as error:  # noqa: BLE001 - it goes to whoever asked, else to the log
            if not outcome.give(None, error):
                _log.warning("%s: what it started ended with: %s", action.name, error)
        else:
            outcome.give(result)


def _checked(name: str, params: Mapping[str, object]) -> Mapping[str, object]:
    """Return *params*, if none of them is for the command line only."""
    wrong = sorted(NOT_HERE.get(name, frozenset()) & params.keys())
    if wrong:
        problems = (f"parameter {one!r} is for the command line only" for one in wrong)
        raise BadParameters(name, tuple(problems))
    return params
