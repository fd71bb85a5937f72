# A scene is played twice, by real supervisors and by the model.
#
# 1. After each step both must have done the same, see `Play.compare`.
# 2. Time stands still, unless a step makes it jump to the next moment at which the model
#    expects something. A real timer that is due elsewhere is found at once.
# 3. Orders are given from tasks of their own: an order that waits is an answer, too.
"""Play a scene with real supervisors and with the model of OTP, and compare them."""

import functools
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar, final

import attrs
import trio
from hypothesis import note
from trio.testing import MockClock

from crew_supervisors import (
    CancelCode,
    ChildExists,
    ChildRunning,
    ChildSpec,
    ChildStartFailed,
    NoSuchChild,
    RestartLimitReached,
    State,
    Supervisor,
    SupervisorOptions,
    SupervisorStopped,
    TooManyChildren,
    open_supervisor,
)
from tests.support import otp_model as model
from tests.support.cast import Cast, Scripted, Word, always, settle
from tests.support.otp_scenes import Happening, Scene, Step, unlike_others

T = TypeVar("T")


@final
@attrs.define(eq=False)
class Play:
    """One scene, with the real tree and with the model."""

    scene: Scene
    clock: MockClock
    nursery: trio.Nursery
    cast: Cast = attrs.field(factory=Cast)
    world: model.World = attrs.field(init=False)
    expected: model.Supervisor = attrs.field(init=False)
    real: Supervisor = attrs.field(init=False)
    end: str | None = None
    answers: list[list[str]] = attrs.field(factory=list[list[str]])
    """For each order, that it waits, and later its answer."""

    def __attrs_post_init__(self) -> None:
        scripts = {
            spec.name: deque(self.scene.scripts[number_of(spec)])
            for spec in everybody((*self.scene.children, *self.scene.extras))
        }
        self.world = model.World(scripts)
        self.expected = model.Supervisor(self.world, self.scene.top)

    async def run(self) -> None:
        self.real = await self.nursery.start(self._hold_top)
        for spec in self.scene.children:
            if self.expected.ended is None:
                await self._start(self.expected, spec)
        for step in self.scene.steps:
            if self.expected.ended is not None:
                break
            await self._do(step)
        if self.expected.ended is None:
            self.expected.stop_all()
            self.real.cancel()
            await settle()
            self._compare("the end")
        assert all(len(each) == 2 for each in self.answers), "somebody still waits"

    async def _hold_top(self, task_status: trio.TaskStatus[Supervisor]) -> None:
        self.end = None
        options = options_of("top", self.scene.top)
        try:
            async with open_supervisor(options, on_event=lambda _: None) as sup:
                task_status.started(sup)
                await trio.sleep_forever()
        except* RestartLimitReached:
            self.end = "gave up"
        except* Scripted:
            pass  # sore children
        if self.end is None:
            assert self.real.report is not None
            is_auto = self.real.report.reason.code is CancelCode.AUTO_SHUTDOWN
            self.end = "returned" if is_auto else "stopped"

    # --- steps ---

    async def _do(self, step: Step) -> None:
        if step.what == "wait":
            await self._advance(self.world.now + 1 + step.who % 3)
        elif step.what == "start":
            if self.scene.extras:
                where = chosen(tuple(supervisors_of(self.expected)), step.where)
                await self._start(where, chosen(self.scene.extras, step.who))
        else:
            among = [
                (sup, child)
                for sup in supervisors_of(self.expected)
                for child in sup.children.values()
                if is_for(step.what, child)
            ]
            if among:
                await self._do_to_child(step.what, *chosen(among, step.who))

    async def _do_to_child(
        self, what: Happening, sup: model.Supervisor, child: model.Child
    ) -> None:
        name, real = child.spec.name, self._real(sup)
        if what == "fail":
            await self._end(sup, name, "fail", "failed")
        elif what == "return":
            await self._end(sup, name, "return", "returned")
        elif what == "stop":
            await self._order(sup, name, sup.stop, real.stop)
        elif what.startswith("remove"):
            await self._order(sup, name, sup.remove, real.remove)
        elif what.startswith("restart"):
            await self._order(sup, name, sup.restart, real.restart)
        else:
            await self._start(sup, child.spec)

    async def _end(
        self, sup: model.Supervisor, name: str, word: Word, ending: model.Ending
    ) -> None:
        await self.cast.end(name, word=word)
        sup.end_child(name, ending)
        self._compare(f"{name}: {ending}")

    async def _order(
        self,
        sup: model.Supervisor,
        name: str,
        expected: Callable[[str], model.Answer],
        real: Callable[[str], Awaitable[object]],
    ) -> None:
        got = await self._answer(functools.partial(real, name))
        text = f"{sup.name}.{expected.__name__}({name})"
        self._compare_answers(text, got, expected(name))

    async def _start(self, sup: model.Supervisor, spec: model.Spec) -> None:
        if spec in self.scene.extras:  # names are unique, and so are delays
            delay = unlike_others(spec.delay, 100 + rank_of(sup))
            spec = attrs.evolve(spec, name=f"{spec.name}-{sup.name}", delay=delay)
            if spec.name not in self.world.scripts:
                script = self.scene.scripts[number_of(spec)]
                self.world.scripts[spec.name] = deque(script)
        real = functools.partial(self._real(sup).start, self._spec(spec))
        got = await self._answer(real)
        self._compare_answers(f"{sup.name}.start({spec.name})", got, sup.start(spec))

    async def _advance(self, until: float) -> None:
        while self.world.now < until:
            due = min(until, *self.expected.deadlines())
            self.clock.jump(due - self.world.now)
            await settle()
            self.expected.advance(due)
            self._compare(f"time {due}")

    # --- the real ones ---

    def _real(self, sup: model.Supervisor) -> Supervisor:
        return self.real if sup is self.expected else self.cast.supervisors[sup.name]

    def _spec(self, spec: model.Spec) -> ChildSpec:
        script = tuple(self.world.scripts[spec.name])
        fields: dict[str, object] = {"significant": spec.significant}
        if spec.delay:
            fields["backoff"] = always(spec.delay)
        if spec.options is not None:
            return self.cast.team(
                spec.name,
                tuple(map(self._spec, spec.children)),
                *script,
                restart=spec.restart,
                options=options_of(spec.name, spec.options),
                **fields,
            )
        policy = self.scene.policies[number_of(spec)]
        if policy is not None:
            fields["stop"] = policy
        manner = self.scene.manners[number_of(spec)]
        return self.cast.spec(
            spec.name, *script, restart=spec.restart, manner=manner, **fields
        )

    async def _answer(self, call: Callable[[], Awaitable[object]]) -> str:
        answers = ["waits for the group"]

        async def ask() -> None:
            try:
                await call()
            except ChildStartFailed:
                answers.append("did not start")
            except ChildExists as error:
                answers.append("runs already" if error.running else "known already")
            except ChildRunning:
                answers.append("must be stopped first")
            except NoSuchChild:
                answers.append("no such child")
            except TooManyChildren:
                answers.append("too many")
            except SupervisorStopped:
                answers.append("supervisor has ended")
            else:
                answers.append("done")

        self.answers.append(answers)
        self.nursery.start_soon(ask)
        await settle()
        return answers[-1]

    # --- comparisons ---

    def _compare_answers(self, text: str, got: str, expected: str) -> None:
        note(f"{self.world.now:g} {text}: {expected}")
        if expected == "declined":
            expected = "done"
        assert got == expected, text
        self._compare(text)

    def _compare(self, text: str) -> None:
        expected, self.world.log = self.world.log, []
        note(f"{self.world.now:g} {text}: {expected}")
        got = self.cast.take()
        assert agrees(got, expected), f"{text}: did {got}, expected {expected}"
        assert self.end == self.expected.ended, text
        for sup in supervisors_of(self.expected):
            infos = self._real(sup).children()
            assert [(i.name, condition_of(i.state), i.incarnation) for i in infos] == [
                (child.spec.name, child.condition, child.incarnation)
                for child in sup.children.values()
            ], f"{text}: children of {sup.name}"


def condition_of(state: State) -> str:
    # Not OTP: a first start may wait for a group; then the child is idle.
    return "backoff" if state is State.IDLE else state.value


def is_for(what: Happening, child: model.Child) -> bool:
    """Tell whether *what* can happen to that child, or is worth a try."""
    if what in {"fail", "return"}:
        return child.condition == "running" and child.spec.options is None
    return child.condition == "stopped" or what not in {"restart", "remove"}


def everybody(specs: tuple[model.Spec, ...]) -> Iterator[model.Spec]:
    for spec in specs:
        yield spec
        yield from everybody(spec.children)


def number_of(spec: model.Spec) -> int:
    return int(spec.name[1:].partition("-")[0])


def rank_of(sup: model.Supervisor) -> int:
    return 0 if sup.parent is None else 1 + int(sup.name[1:])


def supervisors_of(top: model.Supervisor) -> Iterator[model.Supervisor]:
    """Yield *top* and the supervisors below that serve."""
    if top.ended is None:
        yield top
    for child in top.children.values():
        if child.team is not None:
            yield from supervisors_of(child.team)


def chosen(among: Sequence[T], number: int) -> T:
    return among[number % len(among)]


def options_of(name: str, options: model.Options) -> SupervisorOptions:
    return SupervisorOptions(name=name, **attrs.asdict(options))


def agrees(got: list[str], expected: list[model.Entry]) -> bool:
    """Tell whether *got* is one of the orders that *expected* allows."""
    left = list(got)
    for entry in expected:
        if isinstance(entry, str):
            if not left or left.pop(0) != entry:
                return False
            continue
        size = sum(map(size_of, entry.parts))
        now, left = left[:size], left[size:]
        for part in entry.parts:
            names = set(lines_of(part))
            if not agrees([line for line in now if line in names], list(part)):
                return False
            now = [line for line in now if line not in names]
        if now:
            return False
    return not left


def lines_of(entries: tuple[model.Entry, ...]) -> Iterator[str]:
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        else:
            for part in entry.parts:
                yield from lines_of(part)


def size_of(entries: tuple[model.Entry, ...]) -> int:
    return sum(1 for _ in lines_of(entries))
