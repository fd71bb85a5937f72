"""Small Python programs as command agents, and what they say."""

import sys
from pathlib import Path

import attrs
import trio

from crew_actors.model import (
    Artifact,
    CommandSpec,
    Control,
    Message,
    MessageOutcome,
    RunId,
    TaskInput,
    TaskOutput,
    Usage,
    attempt_id,
)
from crew_actors.runtimes import (
    BadArtifact,
    DependencyResult,
    Job,
    NotSent,
    Outcome,
    run_command,
)
from crew_supervisors import ChildProcess, ProcessExit, Supervisor
from tests.support.plans import RUN, artifact, task


@attrs.define
class RecordingPort:
    """Keeps what an agent says."""

    texts: list[str] = attrs.field(factory=list[str])
    used: list[Usage] = attrs.field(factory=list[Usage])
    files: dict[str, bytes] = attrs.field(factory=dict[str, bytes])
    starting: int = 0
    started: list[int] = attrs.field(factory=list[int])
    ended: list[ProcessExit] = attrs.field(factory=list[ProcessExit])
    warm: list[ChildProcess] = attrs.field(factory=list[ChildProcess])
    discarded: list[tuple[int, str]] = attrs.field(factory=list[tuple[int, str]])
    beats: int = 0
    refuses: bool = False
    answers: int = 0
    asked: list[object] = attrs.field(factory=list[object])
    thinks: float = 0.0
    """Seconds until a question is answered."""
    reply: str | None = "yes"
    letters: list[Message] = attrs.field(factory=list[Message])
    settled: list[tuple[str, str, str]] = attrs.field(
        factory=list[tuple[str, str, str]]
    )
    spoke: trio.Event = attrs.field(factory=trio.Event)

    async def progress(self, text: str) -> None:
        self.texts.append(text)
        self.spoke.set()

    async def usage(self, usage: Usage) -> None:
        self.used.append(usage)

    async def artifact(self, name: str, source: Path) -> Artifact:
        if self.refuses:
            message = "too much"
            raise BadArtifact(message)
        try:
            self.files[name] = await trio.Path(source).read_bytes()
        except FileNotFoundError:
            message = f"{name} is no file"
            raise BadArtifact(message) from None
        return artifact(name)

    async def ask(
        self,
        text: str,
        *,
        choices: tuple[str, ...] = (),
        seconds: float | None = None,
        permission: bool = False,
    ) -> str | None:
        self.asked.append((text, choices, seconds, permission))
        await trio.sleep(self.thinks)
        return self.reply

    async def send(self, task: str, text: str) -> tuple[MessageOutcome, str]:
        raise NotSent(f"there is no task {task}")

    async def next_message(self) -> Message:
        if not self.letters:
            await trio.sleep_forever()
        return self.letters.pop(0)

    async def settle_message(
        self, message: str, outcome: MessageOutcome, why: str = ""
    ) -> None:
        self.settled.append((message, outcome, why))

    async def answer_seen(self) -> None:
        self.answers += 1

    async def process_starts(self, supervisor: Supervisor) -> None:
        self.starting += 1

    async def process_started(self, process: ChildProcess) -> None:
        assert self.starting == 1, "it is told before there is a process"
        self.started.append(process.pid)

    async def process_ended(self, process: ChildProcess, how: ProcessExit) -> None:
        assert process.pid in self.started
        self.ended.append(how)

    def process_warms(self, process: ChildProcess) -> None:
        self.warm.append(process)

    async def process_discarded(
        self, process: ChildProcess, how: ProcessExit, why: str
    ) -> None:
        assert process.pid not in self.started
        assert not how.report.survivors
        self.discarded.append((process.pid, why))

    def beat(self) -> None:
        self.beats += 1


@attrs.define
class Bench:
    """Runs small Python programs as command agents."""

    folder: Path
    port: RecordingPort = attrs.field(factory=RecordingPort)

    def job(
        self,
        *argv: str,
        task_input: TaskInput = "none",
        output: TaskOutput = "text",
        dependencies: dict[str, DependencyResult] | None = None,
        control: Control = "none",
        timeout: float | None = None,
        silence: float | None = None,
    ) -> Job:
        command = CommandSpec(
            argv=argv,
            input=task_input,
            output=output,
            env=("MY_KEY",),
            control=control,
            timeout=timeout,
            silence=silence,
        )
        planned = attrs.evolve(task("try"), command=command, prompt="Do it well.")
        work = self.folder / "work"
        work.mkdir()
        return Job(
            run=RunId(RUN),
            task=planned,
            attempt=attempt_id(planned.id, 1),
            goal="the goal",
            workspace=self.folder,
            folder=work,
            dependencies=dependencies or {},
            environ={"PATH": "/usr/bin:/bin", "MY_KEY": "k", "OTHER_KEY": "o"},
        )

    async def run(self, job: Job) -> Outcome:
        return await run_command(job, self.port)

    async def python(self, program: str, **options: object) -> Outcome:
        return await self.run(self.job(sys.executable, "-c", program, **options))  # type: ignore[arg-type]  # each test names real options
