"""Cancellations at each step and failures in each hook: nothing is lost or stuck.

A scenario runs again and again. The first time one of its tasks is cancelled before its
first step, then before its second one, and so on, until a run gets through unharmed.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import attrs
import pytest
import trio
import trio.testing
from trio.lowlevel import Task

from crew_actors.actors import (
    Actor,
    ActorError,
    Actors,
    ChildExists,
    ChildStartFailed,
    Grace,
    Inbox,
    MailboxClosed,
    OnCrash,
    Redeliver,
    Ref,
    Request,
    open_actors,
    round_robin,
)
from crew_actors.testing import run_virtual
from crew_supervisors.testing import CANCEL, inject, interruptible


@attrs.frozen(eq=False)
class Ask(Request[str]):
    number: int


Message: TypeAlias = "int | Ask"


@attrs.define(eq=False)
class CancelAtStep(trio.abc.Instrument):
    """Cancels a scope before a certain step of a certain task."""

    victim: str
    step: int
    scope: trio.CancelScope
    taken: int = 0

    def before_task_step(self, task: Task) -> None:
        if task.name == self.victim:
            self.taken += 1
            if self.taken == self.step:
                self.scope.cancel()


@attrs.define
class World:
    """What became of each message and each ask; where an actor fails."""

    hook: str = ""
    countdown: int = 0
    on_crash: OnCrash = "dead_letter"
    sent: list[int] = attrs.field(factory=list[int])
    got: list[int] = attrs.field(factory=list[int])
    left: list[int] = attrs.field(factory=list[int])
    ends: Counter[str] = attrs.field(factory=Counter[str])
    refs: list[Ref[Message]] = attrs.field(factory=list[Ref[Message]])

    def reach(self, hook: str) -> None:
        """Fail at the hook and the call that were chosen."""
        if hook == self.hook:
            self.countdown -= 1
            if self.countdown == 0:
                raise ValueError(hook)


class Worker(Actor[Message]):
    """Does all that an actor can do, slowly."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.reach("__init__")

    async def started(self, inbox: Inbox[Message]) -> None:
        await trio.sleep(0.1)
        self.world.reach("started")
        inbox.once(0.5, -1)
        inbox.pipe_to_self(trio.sleep, 0.3, then=lambda _: -2, error=lambda _: -3)

    async def handle(self, message: Message, inbox: Inbox[Message]) -> None:
        await trio.sleep(0.1)
        self.world.reach("handle")
        if isinstance(message, Ask):
            if message.number % 2:
                message.defer()
                await trio.sleep(0.1)
            message.reply(f"{message.number}")
        elif message >= 0:
            self.world.got.append(message)

    async def stopping(
        self, inbox: Inbox[Message], failure: BaseException | None
    ) -> None:
        self.world.reach("stopping")

    async def undelivered(self, messages: Sequence[Message]) -> None:
        self.world.reach("undelivered")
        self.world.left += [each for each in messages if isinstance(each, int)]


async def spawner(actors: Actors, world: World) -> None:
    for name in ("one", "two", "one"):
        try:
            ref = await actors.spawn(
                Worker,
                world,
                name=name,
                capacity=2,
                stop=Grace(0.15),
                on_crash=world.on_crash,
            )
        except (ChildExists, ChildStartFailed):
            continue
        world.refs.append(ref)
        await trio.sleep(0.7)


async def teller(actors: Actors, world: World) -> None:
    for number in range(8):
        await trio.sleep(0.11)
        for name in ("one", "two"):
            ref = actors.find(name)
            if ref is None:
                continue
            try:
                await ref.tell(number)
            except MailboxClosed:
                continue
            world.sent.append(number)


async def asker(actors: Actors, world: World) -> None:
    for number in range(8):
        await trio.sleep(0.13)
        refs = actors.refs()
        if not refs:
            continue
        try:
            answer = await round_robin(refs).ask(Ask(number), timeout=0.45)
            assert answer == f"{number}"
            world.ends["answered"] += 1
        except ActorError as error:
            world.ends[type(error).__name__] += 1


async def stopper(actors: Actors, world: World) -> None:
    await trio.sleep(0.55)
    for name in ("one", "two"):
        ref = actors.find(name)
        if ref is not None:
            await ref.stop()
            assert not ref.is_alive
            assert (await ref.wait()).ref == ref


TASKS: dict[str, Callable[[Actors, World], Awaitable[None]]] = {
    "spawner": spawner,
    "teller": teller,
    "asker": asker,
    "stopper": stopper,
}


async def scene(
    actors: Actors, world: World, scopes: dict[str, trio.CancelScope]
) -> None:
    async def run(name: str) -> None:
        with scopes[name], interruptible():
            await TASKS[name](actors, world)

    async with trio.open_nursery() as nursery:
        for name in TASKS:
            nursery.start_soon(run, name, name=name)


async def play(
    world: World, scopes: dict[str, trio.CancelScope], *, point: str = "", nth: int = 1
) -> bool:
    """Play the scene, see that all is accounted for, tell if *point* was reached."""
    tasks = trio.lowlevel.current_statistics().tasks_living
    is_reached = False
    async with open_actors(max_restarts=1000) as actors:
        if point:
            with inject(point, CANCEL, nth=nth) as injection:
                await scene(actors, world, scopes)
            is_reached = injection.has_happened
        else:
            await scene(actors, world, scopes)
        world.hook = ""
        for ref in actors.refs():
            await ref.stop()
        for name in ("one", "two"):  # no name is poisoned
            await (await actors.spawn(Worker, World(), name=name)).stop()
        assert actors.refs() == ()
    for ref in world.refs:
        figures = ref.statistics()
        assert figures.queued == 0
        assert figures.accepted == figures.handled + figures.dead + figures.returned
        assert (await ref.wait()).how in {"stopped", "failed"}
    letters = actors.dead_letters.newest()
    dead = [int(each.summary) for each in letters if each.kind == "int"]
    ended_as = [*world.got, *world.left, *(each for each in dead if each >= 0)]
    assert sorted(ended_as) == sorted(world.sent)
    await trio.testing.wait_all_tasks_blocked()
    assert trio.lowlevel.current_statistics().tasks_living == tasks
    return is_reached


def new_scopes() -> dict[str, trio.CancelScope]:
    return {name: trio.CancelScope() for name in TASKS}


@pytest.mark.parametrize("victim", TASKS)
def test_a_cancellation_at_any_step_leaves_everything_accounted_for(
    victim: str,
) -> None:
    async def main(step: int) -> bool:
        scopes = new_scopes()
        fault = CancelAtStep(victim, step, scopes[victim])
        trio.lowlevel.add_instrument(fault)
        await play(World(), scopes)
        return fault.taken >= step

    step = 1
    while run_virtual(main, step):
        step += 1
    assert step > 4


REACHED = (
    "start.enter",
    "start.wait",
    "stop.enter",
    "stop.wait",
    "remove.enter",
    "remove.wait",
    "agenda.park",
    "body.before",
)
"""The points of supervisors that the scene comes to."""


@pytest.mark.parametrize("point", REACHED)
def test_a_cancellation_inside_of_the_supervisor_leaves_everything_accounted_for(
    point: str,
) -> None:
    async def main(nth: int) -> bool:
        return await play(World(), new_scopes(), point=point, nth=nth)

    nth = 1
    while run_virtual(main, nth):
        nth += 1
    assert nth > 1


@pytest.mark.parametrize("on_crash", ["dead_letter", "resume", Redeliver(2)])
@pytest.mark.parametrize(
    "hook", ["__init__", "started", "handle", "stopping", "undelivered"]
)
def test_a_failure_in_any_hook_leaves_everything_accounted_for(
    hook: str, on_crash: OnCrash
) -> None:
    async def main(countdown: int) -> bool:
        world = World(hook, countdown, on_crash)
        await play(world, new_scopes())
        return world.countdown <= 0

    countdown = 1
    while run_virtual(main, countdown):
        countdown += 1
    assert countdown > 1
