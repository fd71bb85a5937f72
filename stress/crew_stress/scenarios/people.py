# They look at the run from another process, as people do, and ask things of its owner.
# What they have seen, and what was granted to them, must be there in the end.
"""Those around a run that is killed, and what they were told."""

from itertools import count
from random import Random
from typing import Final, cast

import attrs
import trio

from crew_actors.control import call_owner
from crew_actors.errors import UserError
from crew_actors.journal import RunFolder, read_events, read_state
from crew_actors.model import RunState, TaskState, TaskStatus
from crew_actors.observe import json_line
from crew_actors.observe.displays import event_object
from crew_actors.runs import keep_answer
from crew_stress.scenarios.ground import Ground

LOOK: Final = 0.1
"""Seconds between two looks at the run."""
SENDS: Final = 0.3
"""How likely a message is at each look."""
RETRIES: Final = 3
"""How often failed tasks are queued again at most."""


@attrs.define
class Told:
    """What was acknowledged, so that nobody may lose it."""

    events: set[str] = attrs.field(factory=set[str], init=False)
    """As `crew --json` prints them."""
    answers: list[str] = attrs.field(factory=list[str], init=False)
    messages: list[str] = attrs.field(factory=list[str], init=False)
    """Their ids."""
    retries: list[tuple[str, str]] = attrs.field(
        factory=list[tuple[str, str]], init=False
    )
    """A task that was queued again, and why."""


@attrs.define(eq=False)
class People:
    """They answer, send messages, and have failed tasks done again."""

    ground: Ground
    chance: Random
    told: Told
    _seen: int = 0
    _words: "count[int]" = attrs.field(factory=count, init=False)
    _retried: int = 0

    async def act(self) -> None:
        """Look at the run, and ask things of its owner, until cancelled."""
        while True:
            await trio.sleep(LOOK)
            for folder in self.ground.runs():
                state = await self._look(folder)
                if state is not None:
                    await self._ask(folder, state)

    async def answer_late(self, folder: RunFolder) -> None:
        """Answer a question of an agent that has gone with the owner of the run."""
        state = await self._look(folder)
        waiting = [] if state is None else list(state.of(TaskStatus.WAITING))
        if waiting:
            answer = self._word()
            try:
                await keep_answer(folder, answer, task=waiting[0].plan.id)
            except UserError:
                return
            self.told.answers.append(answer)

    async def _look(self, folder: RunFolder) -> RunState | None:
        """Take in what is to be seen of the run; None if it has not begun."""
        try:
            events = await trio.to_thread.run_sync(
                lambda: list(read_events(folder, self._seen))
            )
            state = await trio.to_thread.run_sync(read_state, folder)
        except UserError:
            return None
        for each in events:
            self.told.events.add(json_line(event_object(each)))
            self._seen = each.seq
        return state

    async def _ask(self, folder: RunFolder, state: RunState) -> None:
        """Ask what there is to be asked; what was not granted was not promised."""
        try:
            for task in state.of(TaskStatus.WAITING):
                answer = self._word()
                params = {"task": task.plan.id, "answer": answer}
                await call_owner(folder, "respond", dict(params))
                self.told.answers.append(answer)
            await self._send(folder, list(state.tasks.values()))
            if self._retried < RETRIES and any(state.of(TaskStatus.FAILED)):
                why = self._word()
                granted = await call_owner(folder, "retry", {"why": why})
                self._retried += 1
                names = cast("list[str]", granted["tasks"])
                self.told.retries += [(name, why) for name in names]
        except (UserError, OSError, trio.TooSlowError):
            return

    async def _send(self, folder: RunFolder, tasks: list[TaskState]) -> None:
        if self.chance.random() > SENDS:
            return
        task = self.chance.choice(tasks)
        params = {"task": task.plan.id, "kind": "follow_up", "text": self._word()}
        granted = await call_owner(folder, "send", dict(params))
        self.told.messages.append(str(granted.get("message")))

    def _word(self) -> str:
        return f"word {next(self._words)}"
