"""Scripted agent programs, run in their own protocols against a recording port."""

import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import trio

from crew_actors.model import (
    CommandSpec,
    FailureKind,
    McpServer,
    Message,
    MessageKind,
    RunId,
    attempt_id,
)
from crew_actors.runtimes import Completed, Failed, Job, Outcome, read_said
from crew_actors.runtimes.programs import Program, run_program, run_warm
from tests.support.command_bench import RecordingPort
from tests.support.plans import RUN, task

FAKES = Path(__file__).parent / "programs"


@attrs.define
class TalkingPort(RecordingPort):
    """Lets a test say something to the agent when it has seen something."""

    _says: list[tuple[str, Message]] = attrs.field(
        factory=list[tuple[str, Message]], init=False
    )
    _came: trio.Event = attrs.field(factory=trio.Event, init=False)

    def say_after(self, sign: str, text: str, kind: MessageKind = "steer") -> None:
        """Send a message when *sign* is part of what the agent tells."""
        name = f"m-{len(self._says) + 1}"
        message = Message(id=name, kind=kind, text=text, by="ann")
        self._says.append((sign, message))

    async def told(self, sign: str) -> None:
        """Wait until the agent has told something with *sign* in it."""
        while not any(sign in text for text in self.texts):
            self.spoke = trio.Event()
            await self.spoke.wait()

    async def progress(self, text: str) -> None:
        self.texts.append(text)
        self.spoke.set()
        for sign, message in list(self._says):
            if sign in text:
                self._says.remove((sign, message))
                self.letters.append(message)
                self._came.set()

    async def next_message(self) -> Message:
        while not self.letters:
            self._came = trio.Event()
            await self._came.wait()
        return self.letters.pop(0)


@attrs.define
class ProgramBench:
    """Runs one scripted program."""

    folder: Path
    fake: str
    program: Callable[[], Program]
    port: TalkingPort = attrs.field(factory=TalkingPort)
    environ: dict[str, str] = attrs.field(factory=dict[str, str])
    argv: tuple[str, ...] = ()
    """In place of the fake."""
    mcp: tuple[McpServer, ...] = ()

    @property
    def tells_cost(self) -> bool:
        return self.fake in {"claude", "pi", "acp"}

    @property
    def tells_retries(self) -> bool:
        return self.fake != "acp"

    @property
    def asks_questions(self) -> bool:
        return self.fake != "acp"

    async def run(
        self,
        prompt: str,
        *,
        silence: float | None = None,
        **fields: Any,
    ) -> Outcome:
        """Run it with *prompt*, and a task with other *fields*."""
        job = self.job(prompt, silence=silence, **fields)
        with trio.fail_after(30):
            return await run_program(self.program(), job, self.port)

    async def run_warm(
        self, begins: Callable[[Job], Awaitable[Job]], **fields: Any
    ) -> Outcome:
        """Have it ready ahead; *begins* is given what is known of its job."""
        early = self.job("", **fields)
        with trio.fail_after(30):
            return await run_warm(
                self.program(), early, self.port, partial(begins, early)
            )

    def job(self, prompt: str, *, silence: float | None = None, **fields: Any) -> Job:
        """Make the job of a task with *prompt* and other *fields*."""
        command = CommandSpec(
            argv=self.argv or (sys.executable, str(FAKES / f"{self.fake}.py")),
            env=("MY_KEY",),
            silence=silence,
        )
        planned = attrs.evolve(
            task("try"), command=command, runtime=self.fake, prompt=prompt, **fields
        )
        work = self.folder / "work"
        work.mkdir()
        return Job(
            run=RunId(RUN),
            task=planned,
            attempt=attempt_id(planned.id, 1),
            goal="the goal",
            workspace=self.folder,
            folder=work,
            dependencies={},
            mcp=self.mcp,
            environ={"PATH": "/usr/bin:/bin", "MY_KEY": "k", **self.environ},
        )

    @property
    def shown(self) -> list[str]:
        """What people see of it."""
        said = read_said(self.folder / "work", "stdout", 1 << 20)
        return [] if said is None else said.text.splitlines()


def text_of(outcome: Outcome) -> str:
    """Return the text of a result."""
    assert isinstance(outcome, Completed), outcome
    return outcome.text


def kind_of(outcome: Outcome) -> FailureKind:
    """Return the class of a failure."""
    assert isinstance(outcome, Failed), outcome
    return outcome.failure.kind
