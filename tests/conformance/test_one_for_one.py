"""OTP's rules for one_for_one, each under its own name.

The cases follow the groups of OTP's own supervisor suite: restart types against
endings, restart intensity, failing restarts, administration at run time, shutdown.
"""

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from crew_supervisors import (
    FOREVER,
    KILL,
    Backoff,
    Child,
    ChildEnded,
    ChildExists,
    ChildFailed,
    ChildRestarting,
    ChildRunning,
    ChildSpec,
    ChildStarted,
    ChildStopped,
    Event,
    Grace,
    NoSuchChild,
    RestartLimitReached,
    RestartType,
    State,
    Supervisor,
    open_supervisor,
    supervise,
)

Status = trio.TaskStatus[None]


async def forever() -> None:
    await trio.sleep_forever()


class Script:
    """A body that does something else in each incarnation; then it stays."""

    def __init__(self, *acts: str, last: str = "stay") -> None:
        self.acts = list(acts)
        self.last = last
        self.starts: list[float] = []

    async def run(self) -> None:
        self.starts.append(trio.current_time())
        act = self.acts.pop(0) if self.acts else self.last
        await trio.sleep(1 if act in {"raise", "return"} else 0)
        if act in {"raise", "raise at once"}:
            raise ValueError(act)
        if act == "stay":
            await trio.sleep_forever()


# --- restart types against endings ---


@pytest.mark.parametrize(
    ("restart", "act", "runs"),
    [
        ("permanent", "return", 2),
        ("permanent", "raise", 2),
        ("transient", "return", 1),
        ("transient", "raise", 2),
        ("temporary", "return", 1),
        ("temporary", "raise", 1),
    ],
)
async def test_the_restart_type_decides_by_how_the_child_ended(
    autojump_clock: MockClock, restart: RestartType, act: str, runs: int
) -> None:
    script = Script(act)
    async with open_supervisor(on_event=lambda _: None) as sup:
        await sup.start(ChildSpec("a", script.run, restart=restart))
        await trio.sleep(10)
        assert script.starts == [0, 1][:runs]
        known = {info.name: info.state for info in sup.children()}
        if restart == "temporary":
            assert known == {}  # the spec of a temporary child is deleted
        else:
            expected = State.RUNNING if runs == 2 else State.STOPPED
            assert known == {"a": expected}


async def test_only_the_child_that_failed_is_restarted(
    autojump_clock: MockClock,
) -> None:
    scripts = [Script(), Script("raise"), Script()]
    async with open_supervisor(on_event=lambda _: None) as sup:
        for number, script in enumerate(scripts):
            await sup.start(ChildSpec(str(number), script.run))
        await trio.sleep(5)
        assert [script.starts for script in scripts] == [[0], [0, 1], [0]]
        assert [info.incarnation for info in sup.children()] == [1, 2, 1]


async def test_a_child_that_was_told_to_stop_is_not_restarted() -> None:
    script = Script()
    async with open_supervisor() as sup:
        await sup.start(ChildSpec("a", script.run))
        await sup.stop("a")
        await trio.testing.wait_all_tasks_blocked()
        assert len(script.starts) <= 1
        assert sup.children()[0].state is State.STOPPED


async def test_a_temporary_child_that_was_told_to_stop_is_forgotten() -> None:
    async with open_supervisor() as sup:
        await sup.start(ChildSpec("a", forever, restart="temporary"))
        await sup.stop("a")
        assert sup.children() == ()


# --- restart intensity ---


async def test_one_restart_more_than_allowed_ends_the_supervisor(
    autojump_clock: MockClock,
) -> None:
    script = Script(last="raise")
    with pytest.raises(ExceptionGroup) as out:
        async with open_supervisor(
            max_restarts=3, within=5, on_event=lambda _: None
        ) as sup:
            await sup.start(ChildSpec("a", script.run))
            await trio.sleep_forever()
    assert script.starts == [0, 1, 2, 3]
    assert trio.current_time() == 4
    (limit,) = out.value.exceptions
    assert isinstance(limit, RestartLimitReached)
    assert (limit.child, limit.max_restarts, limit.within) == ("a", 3, 5)
    assert isinstance(limit.__cause__, ValueError)
    assert "allow more" in str(limit)


@pytest.mark.parametrize(
    ("within", "escalates"), [(2.0, True), (1.999, False), (2.5, True)]
)
async def test_a_restart_exactly_one_period_ago_still_counts(
    autojump_clock: MockClock, within: float, escalates: bool
) -> None:
    """Restarts at 1, 2 and 3: the first is two seconds old at the third."""
    script = Script("raise", "raise", "raise")
    limits: list[BaseException] = []
    try:
        async with open_supervisor(
            max_restarts=2, within=within, on_event=lambda _: None
        ) as sup:
            await sup.start(ChildSpec("a", script.run))
            await trio.sleep(10)
    except* RestartLimitReached as group:
        limits.extend(group.exceptions)
    assert bool(limits) == escalates
    assert len(script.starts) == (3 if escalates else 4)


async def test_no_restart_allowed_means_that_the_first_crash_escalates() -> None:
    script = Script("raise at once")
    with pytest.raises(ExceptionGroup):
        async with open_supervisor(max_restarts=0, on_event=lambda _: None) as sup:
            await sup.start(ChildSpec("a", script.run))
            await trio.sleep_forever()
    assert len(script.starts) == 1


async def test_the_restarts_of_all_children_share_one_limit(
    autojump_clock: MockClock,
) -> None:
    scripts = [Script("raise"), Script("raise")]
    events: list[Event] = []
    with pytest.raises(ExceptionGroup):
        async with open_supervisor(max_restarts=1, on_event=events.append) as sup:
            for number, script in enumerate(scripts):
                await sup.start(ChildSpec(str(number), script.run))
            await trio.sleep_forever()
    assert sum(isinstance(event, ChildStarted) for event in events) == 3


async def test_children_that_are_not_restarted_do_not_count(
    autojump_clock: MockClock,
) -> None:
    async with open_supervisor(max_restarts=0, on_event=lambda _: None) as sup:
        await sup.start(ChildSpec("a", Script("raise").run, restart="temporary"))
        await sup.start(ChildSpec("b", Script("return").run, restart="transient"))
        await trio.sleep(5)
        assert [info.name for info in sup.children()] == ["b"]


async def test_a_permanent_child_that_keeps_returning_escalates_without_a_cause(
    autojump_clock: MockClock,
) -> None:
    with pytest.raises(ExceptionGroup) as out:
        async with open_supervisor(max_restarts=1, on_event=lambda _: None) as sup:
            await sup.start(ChildSpec("a", Script(last="return").run))
            await trio.sleep_forever()
    assert out.value.exceptions[0].__cause__ is None


async def test_escalation_stops_the_other_children_newest_first(
    autojump_clock: MockClock,
) -> None:
    events: list[Event] = []
    opened: list[Supervisor] = []
    with pytest.raises(ExceptionGroup):
        async with open_supervisor(max_restarts=0, on_event=events.append) as sup:
            opened.append(sup)
            await sup.start(ChildSpec("a", forever))
            await sup.start(ChildSpec("crash", Script("raise").run))
            await sup.start(ChildSpec("b", forever))
            await trio.sleep_forever()
    stopped = [e.child for e in events if isinstance(e, ChildStopped)]
    assert stopped == ["b", "a"]
    assert [info.state for info in opened[0].children()] == [
        State.STOPPED,
        State.FAILED,
        State.STOPPED,
    ]


async def test_a_restart_by_hand_does_not_count() -> None:
    async with open_supervisor(max_restarts=0) as sup:
        await sup.start(ChildSpec("a", forever))
        for _ in range(5):
            await sup.stop("a")
            await sup.restart("a")


# --- failing restarts ---


async def test_a_failing_restart_counts_and_is_retried(
    autojump_clock: MockClock,
) -> None:
    """It never hangs: each attempt is one restart, and the limit ends it."""
    attempts: list[float] = []

    async def fragile(*, task_status: Status) -> None:
        attempts.append(trio.current_time())
        if len(attempts) in {2, 3}:
            raise ValueError
        task_status.started()
        await trio.sleep(1)
        raise ValueError

    events: list[Event] = []
    with pytest.raises(ExceptionGroup):
        async with open_supervisor(max_restarts=3, on_event=events.append) as sup:
            await sup.start(ChildSpec("a", fragile))
            await trio.sleep_forever()
    assert attempts == [0, 1, 1, 1]
    assert [e.incarnation for e in events if isinstance(e, ChildStarted)] == [1, 4]
    failed = [e.while_starting for e in events if isinstance(e, ChildFailed)]
    assert failed == [False, True, True, False]


async def test_a_restart_that_returns_before_it_is_up_is_a_failing_one(
    autojump_clock: MockClock,
) -> None:
    attempts: list[float] = []

    async def shy(*, task_status: Status) -> None:
        attempts.append(trio.current_time())
        if len(attempts) == 1:
            task_status.started()
            raise ValueError

    with pytest.raises(ExceptionGroup):
        async with open_supervisor(max_restarts=3, on_event=lambda _: None) as sup:
            await sup.start(ChildSpec("a", shy, restart="transient"))
            await trio.sleep_forever()
    assert len(attempts) == 4


async def test_an_endless_loop_of_failing_restarts_can_be_stopped() -> None:
    async def broken(*, task_status: Status) -> None:
        attempts.append("x")
        if len(attempts) > 1:
            raise ValueError
        task_status.started()
        raise ValueError

    attempts: list[str] = []
    async with open_supervisor(max_restarts=10**9, on_event=lambda _: None) as sup:
        await sup.start(ChildSpec("a", broken))
        while len(attempts) < 50:
            await trio.lowlevel.checkpoint()
        await sup.stop("a")
        number = len(attempts)
        await trio.testing.wait_all_tasks_blocked()
        assert len(attempts) == number
        assert sup.children()[0].state is State.STOPPED


async def test_a_failed_first_start_does_not_count() -> None:
    async def broken(*, task_status: Status) -> None:
        raise ValueError

    async with open_supervisor(max_restarts=0, on_event=lambda _: None) as sup:
        for _ in range(5):
            with pytest.raises(Exception, match="did not start"):
                await sup.start(ChildSpec("a", broken))


async def test_two_incarnations_never_run_at_the_same_time(
    autojump_clock: MockClock,
) -> None:
    """A restart waits for the cleanup and for the tasks below the body."""
    running = 0
    starts: list[float] = []

    async def busy() -> None:
        nonlocal running
        assert running == 0
        running += 1
        starts.append(trio.current_time())
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(lingering)
                await trio.sleep(1)
                raise ValueError
        finally:
            running -= 1

    async def lingering() -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(3)

    async with open_supervisor(on_event=lambda _: None) as sup:
        await sup.start(ChildSpec("a", busy))
        await trio.sleep(7)
    assert starts == [0, 3, 6]


# --- backoff ---


async def test_a_restart_waits_for_its_backoff(autojump_clock: MockClock) -> None:
    script = Script("raise", "raise", "raise")
    events: list[Event] = []
    backoff = Backoff(first=10, cap=25, factor=2, jitter=0)
    async with open_supervisor(on_event=events.append) as sup:
        await sup.start(ChildSpec("a", script.run, backoff=backoff))
        await trio.sleep(100)
    assert script.starts == [0, 11, 32, 58]
    delays = [e.delay for e in events if isinstance(e, ChildRestarting)]
    assert delays == [10, 20, 25]


async def test_a_quiet_time_ends_the_row_of_a_backoff(
    autojump_clock: MockClock,
) -> None:
    starts: list[float] = []
    lengths = [1.0, 1.0, 60.0, 1.0]

    async def body() -> None:
        starts.append(trio.current_time())
        await trio.sleep(lengths.pop(0) if lengths else 10_000)
        raise ValueError

    backoff = Backoff(first=1, cap=100, factor=2, jitter=0, reset_after=60)
    async with open_supervisor(on_event=lambda _: None) as sup:
        await sup.start(ChildSpec("a", body, backoff=backoff))
        await trio.sleep(200)
    assert starts == [0, 2, 5, 66, 69]


async def test_a_child_in_backoff_is_listed_and_holds_up_nobody(
    autojump_clock: MockClock,
) -> None:
    backoff = Backoff(first=50, cap=50, jitter=0)
    async with open_supervisor(on_event=lambda _: None) as sup:
        await sup.start(ChildSpec("a", Script("raise").run, backoff=backoff))
        await trio.sleep(2)
        (info,) = sup.children()
        assert (info.state, info.restarts) == (State.BACKOFF, 1)
        assert sup.counts().active == 0
        with pytest.raises(ChildRunning, match="backoff"):
            await sup.restart("a")
        with pytest.raises(ChildRunning, match="backoff"):
            await sup.remove("a")
        with pytest.raises(ChildExists) as taken:
            await sup.start(ChildSpec("a", forever))
        assert taken.value.running
        await sup.start(ChildSpec("b", forever))
        assert trio.current_time() == 2


# --- administration at run time ---


async def test_administration_follows_the_life_of_a_child() -> None:
    async with open_supervisor() as sup:
        with pytest.raises(NoSuchChild):
            await sup.stop("a")
        await sup.start(ChildSpec("a", forever))
        with pytest.raises(ChildExists):  # already_started
            await sup.start(ChildSpec("a", forever))
        with pytest.raises(ChildRunning):
            await sup.restart("a")
        with pytest.raises(ChildRunning):
            await sup.remove("a")
        await sup.stop("a")
        assert (await sup.stop("a")).end == "not_running"  # ok for a known name
        with pytest.raises(ChildExists):  # already_present
            await sup.start(ChildSpec("a", forever))
        await sup.restart("a")
        await sup.stop("a")
        await sup.remove("a")
        with pytest.raises(NoSuchChild):
            await sup.remove("a")


async def test_a_child_may_administrate_its_own_supervisor() -> None:
    """OTP deadlocks here; this supervisor does not, as it never waits for a child."""

    async def manager(sup: Supervisor, *, task_status: Status) -> None:
        await sup.start(ChildSpec("helper", forever))
        await sup.stop("helper")
        await sup.restart("helper")
        task_status.started()
        assert sup.counts().specs == 2
        await trio.sleep_forever()

    async with open_supervisor() as sup:
        await sup.start(ChildSpec("manager", manager, (sup,)))


async def test_count_children_counts_specs_active_supervisors_and_workers() -> None:
    async with open_supervisor() as sup:
        await sup.start(ChildSpec("a", forever))
        await sup.start(ChildSpec("b", forever))
        await sup.start(ChildSpec("team", supervise, ((),), stop=FOREVER))
        await sup.stop("a")
        counts = sup.counts()
    assert (counts.specs, counts.active) == (3, 2)
    assert (counts.supervisors, counts.workers) == (1, 2)


async def test_children_are_listed_in_the_order_of_their_start() -> None:
    async with open_supervisor() as sup:
        for name in "cab":
            await sup.start(ChildSpec(name, forever))
        assert [info.name for info in sup.children()] == ["c", "a", "b"]


# --- shutdown ---


@pytest.mark.parametrize(
    ("stop", "seconds"), [(KILL, 0), (Grace(3), 3), (Grace(60), 7), (FOREVER, 7)]
)
async def test_shutdown_brutal_timeout_and_infinity(
    autojump_clock: MockClock, stop: Grace, seconds: float
) -> None:
    async def polite(*, child: Child) -> None:
        await child.stopping.wait()
        await trio.sleep(7)

    async with open_supervisor() as sup:
        await sup.start(ChildSpec("a", polite, stop=stop))
        await trio.testing.wait_all_tasks_blocked()
    assert trio.current_time() == seconds


async def test_a_child_that_answers_the_stop_with_a_crash_is_reported() -> None:
    async def sore(*, child: Child) -> None:
        await child.stopping.wait()
        raise ValueError("ouch")

    async with open_supervisor() as sup:
        await sup.start(ChildSpec("a", sore))
        await trio.testing.wait_all_tasks_blocked()
        report = await sup.stop("a")
    assert (report.end, report.error) == ("failed", "ValueError: ouch")
    assert report.graceful


async def test_a_child_that_ends_while_the_stop_is_on_its_way_is_told_once() -> None:
    """The race of a stop with an end has one order, and each order one outcome."""
    events: list[Event] = []

    async def brief() -> None:
        await trio.lowlevel.checkpoint()

    async with open_supervisor(on_event=events.append) as sup:
        for number in range(100):
            name = str(number)
            await sup.start(ChildSpec(name, brief, restart="transient"))
            await sup.stop(name)
    for number in range(100):
        mine = [e for e in events if getattr(e, "child", None) == str(number)]
        ends = [e for e in mine if isinstance(e, ChildEnded | ChildStopped)]
        assert len(ends) == 1
