# The body of a child and its heartbeat watcher, together in one child.
#
# 1. Dead is a failure of the child: its body is cancelled, and `HeartbeatLost` comes
#    out. What follows is the supervisor's policy, as for any other failure.
# 2. The consequence comes first, and no listener can hold it up: one that takes longer
#    than NOTICE_LIMIT is cancelled, and that is logged.
# 3. The watcher ends with the body, or when the child is asked to stop: from then on the
#    stop policy decides. The streak of deaths outlives both.
# 4. A body that ends by itself before the cancellation reaches it has not died.
# 5. To the supervisor it looks like the body alone: the same parameters, and its errors
#    as they are, not wrapped into a group.
"""Children that fail when they give no sign of life."""

import functools
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any, Final, cast, final
from weakref import WeakKeyDictionary

import attrs
import trio

from ._child import Child, Record, enclosing_child, takes
from ._heartbeat import (
    Asked,
    HeartbeatDeadLetter,
    HeartbeatWatcher,
    LevelChange,
    log,
    send_letter,
)
from ._incarnation import stack_of
from ._levels import Level, Thresholds
from ._specs import CANCEL_PATIENCE, ChildSpec
from ._suspension import seconds_suspended
from ._vigil import DeadLetterRule, Streak

NOTICE_LIMIT: Final = 5.0
"""Seconds that a listener may take for one notice."""
_THRESHOLDS: Final = Thresholds()
_RULE: Final = DeadLetterRule()

Body = Callable[..., Awaitable[object]]


@final
class HeartbeatLost(Exception):
    """A child gave no sign of life for too long, so it was cancelled.

    ``__cause__`` is what else was raised on the way, by the child or by a listener.
    """

    def __init__(self, child: str, silence: float) -> None:
        super().__init__(child, silence)
        self.child = child
        self.silence = silence
        """Seconds since its last sign of life."""

    def __str__(self) -> str:
        return (
            f"child {self.child!r} gave no sign of life for {self.silence:.0f} s and was "
            f"cancelled; let it beat() more often, or allow longer silences"
        )


@final
@attrs.frozen(kw_only=True)
class _Care:
    """How a child is watched."""

    thresholds: Thresholds
    activity: Callable[[Any], Awaitable[bool]] | None
    probe: Callable[[Any], Awaitable[bool]] | None
    on_level: Callable[[LevelChange], Awaitable[None]] | None
    on_dead_letter: Callable[[HeartbeatDeadLetter], Awaitable[None]] | None
    dead_letters: DeadLetterRule
    suspended: Callable[[], float]


def watched(
    run: Body,
    *,
    thresholds: Thresholds = _THRESHOLDS,
    activity: Callable[[Any], Awaitable[bool]] | None = None,
    probe: Callable[[Any], Awaitable[bool]] | None = None,
    on_level: Callable[[LevelChange], Awaitable[None]] | None = None,
    on_dead_letter: Callable[[HeartbeatDeadLetter], Awaitable[None]] | None = None,
    dead_letters: DeadLetterRule = _RULE,
    suspended: Callable[[], float] = seconds_suspended,
) -> Body:
    """Return a body that does what *run* does, and fails when *run* falls silent.

    For the ``run`` of a `ChildSpec`. Signs of life are `Child.beat`, that the child is
    up, and a yes of *activity*. It is the restart type and the other policies of the
    spec that decide what becomes of a child that is found dead.

    *activity* and *probe* are asked as by `HeartbeatWatcher`, with what the child passed
    to ``task_status.started`` (None for a child without), and not before it is up. So
    for a child that is a process ``activity=CpuActivity()`` and
    ``probe=ChildProcess.alive`` do.

    *on_level*, *on_dead_letter* and *dead_letters* are as of `HeartbeatWatcher`; the
    streak goes on over restarts. A listener is cancelled after 5
    seconds; what it raises fails the child. A child that was cancelled and still runs 5
    seconds later makes a dead letter with its ``stack``: trio cannot force a task, and
    no other incarnation is started beside it.

    A child that is asked to stop is not watched any more: its stop policy decides. The
    body raises what *run* raises, or `HeartbeatLost`.

    Raises:
      ValueError: *run* can give no sign of life: it has no parameter ``child``, and there
        is no *activity*.
    """
    if activity is None and not takes(ChildSpec("", run), "child"):
        message = (
            f"{run!r} can give no sign of life: let it take a keyword child and call "
            f"child.beat(), or give an activity"
        )
        raise ValueError(message)
    care = _Care(
        thresholds=thresholds,
        activity=activity,
        probe=probe,
        on_level=on_level,
        on_dead_letter=on_dead_letter,
        dead_letters=dead_letters,
        suspended=suspended,
    )
    streaks: WeakKeyDictionary[Record, Streak] = WeakKeyDictionary()

    @functools.wraps(run)  # tells the supervisor which parameters there are
    async def body(*args: object, **keywords: object) -> object:
        record = enclosing_child()
        streak = Streak(dead_letters)
        name = getattr(run, "__name__", repr(run))
        if record is not None:
            streak = streaks.setdefault(record, streak)
            name = record.spec.name
        return await _Attended(care, name, streak).run(run, args, keywords)

    return body


@final
class _Status:
    """Hears that the body is up."""

    def __init__(
        self, attended: "_Attended", task_status: trio.TaskStatus[object]
    ) -> None:
        self._attended = attended
        self._task_status = task_status

    def started(self, value: object = None) -> None:
        self._task_status.started(value)
        self._attended.note_up(value)


@final
class _Attended:
    """One incarnation of a body, and its watcher."""

    def __init__(self, care: _Care, name: str, streak: Streak) -> None:
        self._care = care
        self._name = name
        self._streak = streak
        self._watcher = HeartbeatWatcher(
            name=name,
            thresholds=care.thresholds,
            on_level=self._tell_level,
            on_dead_letter=self._tell_letter,
            suspended=care.suspended,
            streak=streak,
        )
        self._scope = trio.CancelScope()
        self._watch_scope = trio.CancelScope()
        self._body_ended = trio.Event()
        self._task: trio.lowlevel.Task | None = None
        self._lost: HeartbeatLost | None = None
        self._listener_failures: list[Exception] = []

    async def run(
        self, run: Body, args: tuple[object, ...], keywords: dict[str, object]
    ) -> object:
        """Run the body, watched."""
        self._task = trio.lowlevel.current_task()
        if "task_status" in keywords:
            status = cast("trio.TaskStatus[object]", keywords["task_status"])
            keywords["task_status"] = _Status(self, status)
        else:
            self.note_up(None)
        result: object = None
        failure: Exception | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch)
            with self._hears(keywords.get("child")), self._scope:
                try:
                    result = await run(*args, **keywords)
                except Exception as error:  # noqa: BLE001  # raised below, where no nursery wraps it
                    failure = error
            self._body_ended.set()
            lost = self._lost
            if failure is None and not self._scope.cancelled_caught:
                lost = None  # rule 4
            if not self._scope.cancel_called:
                nursery.cancel_scope.cancel()  # else the watcher has to tell, and ends
        errors = self._listener_failures
        if failure is not None:
            errors.append(failure)
        _raise(lost, errors)
        return result

    @contextmanager
    def _hears(self, child: object) -> Generator[None]:
        """Hear the beats of *child*, and when it is asked to stop."""
        if not isinstance(child, Child):
            yield
            return
        child._beat_hearers += (self._watcher.beat,)  # noqa: SLF001  # its friend
        with child.stopping._heard_by(lambda _: self._watch_scope.cancel()):  # noqa: SLF001  # its friend
            yield

    def note_up(self, value: object) -> None:
        """Note that the body is up, which is a sign of life."""
        care = self._care
        self._watcher.activity = _bound(care.activity, value)
        self._watcher.probe = _bound(care.probe, value)
        self._watcher.beat()

    async def _watch(self) -> None:
        with self._watch_scope:
            await self._hearing(self._watcher.run)
        if not self._scope.cancel_called:
            return  # it is being stopped
        with trio.move_on_after(CANCEL_PATIENCE):
            await self._body_ended.wait()
            return
        await self._hearing(self._tell_stuck)

    async def _hearing(self, tell: Callable[[], Awaitable[None]]) -> None:
        """Do *tell*, which ends the body when a listener raises."""
        try:
            await tell()
        except HeartbeatLost:
            return
        except Exception as error:  # noqa: BLE001  # raised with those of the body
            self._listener_failures.append(error)
            self._scope.cancel(reason="a listener of its heartbeat failed")

    def _end_body(self, time: float, last_sign: float) -> HeartbeatLost:
        self._lost = HeartbeatLost(self._name, time - last_sign)
        self._scope.cancel(reason=str(self._lost))
        return self._lost

    async def _tell_level(self, change: LevelChange) -> None:
        is_dead = change.level is Level.DEAD
        lost = self._end_body(change.time, change.last_sign) if is_dead else None
        if self._care.on_level is not None:
            await self._tell(self._care.on_level(change), "a change of level")
        if lost is not None:
            raise lost

    async def _tell_letter(self, letter: HeartbeatDeadLetter) -> None:
        self._end_body(letter.time, letter.last_sign)
        sending = send_letter(letter, self._care.on_dead_letter)
        await self._tell(sending, "a dead letter")

    async def _tell_stuck(self) -> None:
        letter = HeartbeatDeadLetter(
            self._name,
            trio.current_time(),
            self._watcher.last_sign,
            self._streak.count,
            stack_of(self._task),
        )
        await self._tell(
            send_letter(letter, self._care.on_dead_letter), "a dead letter"
        )

    async def _tell(self, notice: Awaitable[None], what: str) -> None:
        with trio.move_on_after(NOTICE_LIMIT) as limit:
            await notice
        if limit.cancelled_caught:
            log.warning(
                "%s: the listener for its heartbeat took more than %g s for %s and was "
                "cancelled",
                self._name,
                NOTICE_LIMIT,
                what,
            )


def _bound(
    asked: Callable[[Any], Awaitable[bool]] | None, value: object
) -> Asked | None:
    return None if asked is None else functools.partial(asked, value)


def _raise(lost: HeartbeatLost | None, errors: list[Exception]) -> None:
    """Raise *lost* because of *errors*, or the errors alone, if there are any."""
    others: Exception | None = None
    if errors:
        message = "a watched child, and who listens to its heartbeat"
        others = errors[0] if len(errors) == 1 else ExceptionGroup(message, errors)
    try:
        if lost is not None:
            raise lost from others
        if others is not None:
            raise others
    finally:
        del lost, errors, others  # they hold this frame
