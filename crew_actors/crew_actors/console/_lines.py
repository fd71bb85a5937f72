# Command lines, carried out by a console.
#
# 1. A line means what `crew` would make of it, and is read by the same code; the server
#    checks the values. Nothing is guessed but the run: where RUN is left out, it is the
#    only one that somebody works on.
# 2. One after the other. The first that fails is the last one, and its exit code counts.
"""Commands for a console, as lines of text."""

import shlex
import sys
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final, final

import attrs
import trio

from crew_actors.commands import (
    ROLES,
    SUMMARIES,
    Action,
    BadParameters,
    Watcher,
    build,
    load_action,
    parameters_of,
)
from crew_actors.commands.arguments import read_words
from crew_actors.console._actions import STARTING, Started
from crew_actors.console._hints import result_hint
from crew_actors.console._results import NoValue, read_value
from crew_actors.console.client import Console, ConsoleRefused, Subscription
from crew_actors.errors import UserError
from crew_actors.journal import decode
from crew_actors.model import Recorded, RunStatus
from crew_actors.observe import clean, json_line

Json = dict[str, Any]

STANDARD_INPUT: Final = "-"
"""Stands for the lines of the standard input."""

_EVENTS: Final = "events"  # no action of a console, but a subscription
_NEWEST: Final = 1000  # runs among which that at work is looked for
_LONGEST: Final = 1 << 16  # characters of a line


@final
class BadLine(UserError):
    """A line cannot be understood. Nothing was sent for it."""

    def __init__(self, line: str, problem: str) -> None:
        super().__init__(line, problem)
        self.line = line
        self.problem = problem

    def __str__(self) -> str:
        return f"{clean(self.line)[:100]!r}: {self.problem}"


async def lines_of(given: Sequence[str]) -> AsyncGenerator[str]:
    """Give each line; `-` stands for those that can be read from the standard input.

    Raises:
      BadLine: one of the standard input is too long, or no text.
    """
    for one in given:
        if one != STANDARD_INPUT:
            yield one
            continue
        while line := await trio.to_thread.run_sync(_read_line, abandon_on_cancel=True):
            if line.strip() and not line.lstrip().startswith("#"):
                yield line


def _read_line() -> str:
    """Read a line of the standard input; the end has none. Blocks."""
    try:
        line = sys.stdin.readline(_LONGEST)
    except UnicodeDecodeError as error:
        raise BadLine(STANDARD_INPUT, f"it is no text: {error.reason}") from None
    if len(line) == _LONGEST and not line.endswith("\n"):
        raise BadLine(line, f"a line may have {_LONGEST} characters")
    return line


@final
@attrs.define(eq=False)
class Lines:
    """Carries out lines on a console, and tells *watcher* what comes of them."""

    console: Console
    watcher: Watcher

    async def carry_out(self, line: str) -> int:
        """Do what *line* says; return what its command would exit with.

        Raises:
          UserError: it was not done.
        """
        name, words = _words(line)
        action = await trio.to_thread.run_sync(load_action, name)
        given = read_words(action, words)
        given = await self._with_run(action, given)
        if name == _EVENTS:
            await self._events(build(name, action.parameters, given))
            return 0
        return await self._call(action, given)

    async def _call(self, action: Action[Any, Any], given: Json) -> int:
        """Have an action done, and tell its notes as they come."""
        send, receive = trio.open_memory_channel[str](1024)

        def note(text: str) -> None:
            try:
                send.send_nowait(text)
            except trio.WouldBlock:  # more than anybody reads
                return

        result: Json = {}
        failure: UserError | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._tell_notes, receive)
            with send:
                try:
                    result = await self.console.call(action.name, given, note=note)
                except UserError as error:
                    failure = error
        if failure is not None:
            raise failure
        return await self._tell(action, result)

    async def _tell_notes(self, notes: trio.MemoryReceiveChannel[str]) -> None:
        with notes:
            async for text in notes:
                await self.watcher.note(text)

    async def _tell(self, action: Action[Any, Any], result: Json) -> int:
        """Tell a result as its command would; return the exit code."""
        hint = result_hint(action.handler)
        try:
            if action.name in STARTING and result.get("kind") == "started":
                started = read_value(Started, result)
                await self.watcher.result(result, _started(started))
                return 0
            value = read_value(hint, result)
        except NoValue:  # the server is of another version
            await self.watcher.result(result, json_line(result))
            return 0
        await self.watcher.result(result, action.text(value))
        return action.exit_code(value)

    async def _with_run(self, action: Action[Any, Any], given: Json) -> Json:
        """Put in the run that is meant where one word is missing, the first one."""
        parameters = [one for one in parameters_of(action.parameters) if one.positional]
        needed = [one.name for one in parameters if one.required]
        said = [given[name] for name in needed if name in given]
        if not needed or needed[0] != "run" or len(said) != len(needed) - 1:
            return given
        named = dict(zip(needed[1:], said, strict=True))
        return {**given, **named, "run": await self._only_run(action.name)}

    async def _only_run(self, name: str) -> str:
        listed: Json = await self.console.call("status", limit=_NEWEST)
        at_work = {one.value for one in RunStatus if not _is_over(one)}
        found = [one["run"] for one in listed["runs"] if one["status"] in at_work]
        if len(found) == 1:
            return str(found[0])
        problem = "nobody works on a run now" if not found else "several are at work"
        raise BadParameters(name, (f"run is missing, and {problem}: name it",))

    async def _events(self, parameters: Any) -> None:  # noqa: ANN401 - of the action `events`
        """Tell the events of a run: those that there are, or until it ends.

        Raises:
          ConsoleRefused: no more can come, and the run has not ended.
        """
        found = await self.console.call("status", run=parameters.run)
        run = str(found["run"])
        since = parameters.since or None
        with (
            self.console.subscribe("run", run=run) as heads,
            self.console.subscribe("events", run=run, since=since) as events,
        ):
            head = (await anext(heads))["run"]
            end = _End(events, parameters.since, head, waits=parameters.follow)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(end.watch, heads)
                async for state in events:
                    for one in state["events"]:
                        await end.tell(one, self.watcher)
                nursery.cancel_scope.cancel()
        if events.why is not None:
            raise ConsoleRefused(f"events: {events.why}")


@attrs.define(eq=False)
class _End:
    """Closes the events of a run when the last one was told."""

    events: Subscription
    last: int
    """The number of the newest event that was told."""
    head: Json
    waits: bool = attrs.field(kw_only=True)
    """Whether to wait for the end of the run."""

    def __attrs_post_init__(self) -> None:
        self._check()

    async def watch(self, heads: Subscription) -> None:
        if self.waits:
            async for state in heads:
                self.head = state["run"]
                self._check()

    async def tell(self, event: Json, watcher: Watcher) -> None:
        await watcher.event(_recorded(event))
        self.last = event["seq"]
        self._check()

    def _check(self) -> None:
        is_last = _is_over(RunStatus(self.head["status"])) or not self.waits
        if self.last >= self.head["seq"] and is_last:
            self.events.close()


def _is_over(status: RunStatus) -> bool:
    """Tell whether nobody works on a run."""
    return status.ended or status is RunStatus.INTERRUPTED


def _recorded(event: Json) -> Recorded:
    fields = {name: value for name, value in event.items() if name not in {"seq", "at"}}
    return Recorded(event["seq"], event["at"], decode(json_line(fields).encode()))


def _started(started: object) -> str:
    assert isinstance(started, Started)
    if started.run is None:
        return "the runs are at work"
    return f"run {started.run} is at work"


def _words(line: str) -> tuple[str, list[str]]:
    """Split *line* as a shell does, into an action and what is said of it."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise BadLine(line, f"it cannot be split into words: {error}") from None
    if not words:
        raise BadLine(line, "there is no command in it")
    name = words[0]
    if name not in ROLES and name != _EVENTS:
        there_are = ", ".join([*ROLES, _EVENTS])
        why = "is for a command line only" if name in SUMMARIES else "is no command"
        raise BadLine(line, f"{clean(name)[:60]!r} {why} (there are: {there_are})")
    return name, words[1:]
