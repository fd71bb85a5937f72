# Windows in memory, as far as `_job_api.py` goes: processes that start processes, job
# membership that is inherited, handles that end what they hold when they are closed,
# consoles that are there or not. Programs are scripts of `windows_agent.py`'s words.
#
# 1. A process lives from its start to its end. A suspended one does nothing.
# 2. A child is in the job of its parent. It cannot leave it.
# 3. stdout ends when nobody who holds it lives.
"""A model of what Windows does for a process tree."""

import errno
import json
from collections.abc import Iterator
from typing import Final

import attrs
import trio

from crew_supervisors.processes import _job_api
from crew_supervisors.processes._host import Launch

FIRST_PID: Final = 1 << 23  # above every number that Linux gives: nobody has it
BORN: Final = 1_000_000_000.0
EXIT_CODE_OF_KILL: Final = 1  # as the real `kill` and `taskkill` give it
CONTROL_C_EXIT: Final = 0xC000013A


class ModelPipe(trio.abc.ReceiveStream):
    """Output that never makes its writer wait."""

    def __init__(self) -> None:
        self.holders: set[int] = set()
        self._data = bytearray()
        self._closed = False
        self._news = trio.lowlevel.ParkingLot()

    def put(self, text: str) -> None:
        self._data += text.encode()
        self._news.unpark_all()

    def let_go(self, pid: int) -> None:
        self.holders.discard(pid)
        self._news.unpark_all()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        while not self._data and self.holders and not self._closed:
            await self._news.park()
        if self._closed:
            raise trio.ClosedResourceError
        size = len(self._data) if max_bytes is None else max_bytes
        taken = bytes(self._data[:size])
        del self._data[:size]
        return taken

    async def aclose(self) -> None:
        self._closed = True
        self._news.unpark_all()
        await trio.lowlevel.checkpoint()


class ModelStdin(trio.abc.SendStream):
    """A pipe to a program: `echo` reads it, others do not."""

    def __init__(self, process: "ModelProcess") -> None:
        self._process = process

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        if self._process.code is not None:
            raise trio.BrokenResourceError
        if self._process.words[:1] == ["echo"]:
            self._process.out.put(bytes(data).decode())

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()
        if self._process.code is None and self._process.words[:1] == ["echo"]:
            del self._process.words[0]
            self._process.go_on()


@attrs.define(eq=False)
class ModelProcess:
    """One process."""

    system: "ModelWindows"
    pid: int
    parent: int | None
    words: list[str]
    out: ModelPipe
    err: ModelPipe
    job: "ModelJob | None" = None
    stdin: ModelStdin | None = None
    suspended: bool = False
    undying: bool = False
    on_break: str | None = ""
    """What it says on CTRL_BREAK; empty: it just ends; None: it is deaf."""
    code: int | None = None
    pids: dict[str, int] = attrs.field(factory=dict[str, int])
    ended: trio.Event = attrs.field(factory=trio.Event)

    @property
    def stdout(self) -> ModelPipe:
        return self.out

    @property
    def stderr(self) -> ModelPipe:
        return self.err

    async def wait(self) -> int:
        await self.ended.wait()
        assert self.code is not None
        return self.code

    def end(self, code: int) -> None:
        if self.code is None and not self.undying:
            self.code = code
            for pipe in (self.out, self.err):
                pipe.let_go(self.pid)
            self.ended.set()

    def go_on(self) -> None:
        """Do the words until one waits."""
        while self.words and self.code is None and not self.suspended:
            name, _, argument = self.words[0].partition(":")
            if name in ("sleep", "echo"):
                return
            del self.words[0]
            self._do(name, argument)
        if not self.words:
            self.end(0)

    def _do(self, name: str, argument: str) -> None:
        if name == "ready":
            line = json.dumps({"pid": self.pid, "pids": self.pids})
            self.out.put(line + "\n")
        elif name == "say":
            self.out.put(argument + "\n")
        elif name == "bytes":
            self.out.put("x" * int(argument) + "\n")
        elif name == "ignore-break":
            self.on_break = None
        elif name == "on-break":
            self.on_break = argument + "\n"
        elif name == "undying":
            self.undying = True
        elif name == "exit":
            self.end(int(argument))
        else:
            self._begin(name)

    def _begin(self, name: str) -> None:
        if name == "hold":
            child = self._start("sleep", out=self.out)
            self.pids["held"] = child.pid
        elif name in ("child", "detached"):
            self.pids["ready"] = self._start("sleep").pid
        elif name in ("three", "orphan"):
            last = "sleep" if name == "three" else "exit:0"
            middle = self._start("child", last)
            self.pids |= {**middle.pids, "child": middle.pid}
        elif name == "breakaway":
            self.pids["refused"] = int(self.job is not None)
            if self.job is None:
                self.pids["ready"] = self._start("exit:0").pid
        else:
            raise AssertionError(f"unknown word {name!r}")

    def _start(self, *words: str, out: ModelPipe | None = None) -> "ModelProcess":
        child = self.system.make(self.pid, list(words), out)
        child.job = self.job
        child.go_on()
        return child


@attrs.define(eq=False)
class ModelJob:
    """One job."""

    system: "ModelWindows"
    closed: bool = False

    def assign(self, program: _job_api.Program) -> None:
        process = self.system.processes[program.pid]
        self.system.done.append("assign")
        if self.system.refuses_jobs or process.code is not None:
            raise PermissionError(errno.EACCES, "access is denied")
        process.job = self

    def _living(self) -> Iterator[ModelProcess]:
        for process in self.system.processes.values():
            if process.job is self and process.code is None:
                yield process

    def members(self) -> tuple[int, ...]:
        self.system.looks.append(len(list(self._living())))
        return tuple(process.pid for process in self._living())

    def active(self) -> int:
        return len(list(self._living()))

    def terminate(self, code: int) -> None:
        self.system.done.append("terminate")
        for process in list(self._living()):
            process.end(code)

    def close(self) -> None:
        if not self.closed:
            self.system.done.append("close")
            self.closed = True
            for process in list(self._living()):
                process.end(0)


@attrs.define(eq=False)
class ModelWindows:
    """The system."""

    console: bool = False
    refuses_jobs: bool = False
    """As where a job that forbids nesting holds the runtime itself."""
    refuses_to_resume: bool = False
    processes: dict[int, ModelProcess] = attrs.field(factory=dict[int, ModelProcess])
    done: list[str] = attrs.field(factory=list[str])
    """The calls that change something, in order."""
    looks: list[int] = attrs.field(factory=list[int])
    """How many members each look at a job has found."""

    def make(
        self, parent: int | None, words: list[str], out: ModelPipe | None = None
    ) -> ModelProcess:
        """Add a process that has not begun."""
        pid = FIRST_PID + 4 * len(self.processes)
        pipes = (out or ModelPipe(), ModelPipe())
        process = ModelProcess(self, pid, parent, words, *pipes)
        for pipe in pipes:
            pipe.holders.add(pid)
        self.processes[pid] = process
        return process

    def living(self) -> list[int]:
        """Return the numbers of those that live."""
        return [each.pid for each in self.processes.values() if each.code is None]

    def create_job(self) -> ModelJob:
        self.done.append("create job")
        return ModelJob(self)

    async def start_suspended(self, launch: Launch) -> ModelProcess:
        await trio.lowlevel.checkpoint()
        if not launch.executable.exists():
            raise FileNotFoundError(errno.ENOENT, "no such file", launch.argv[0])
        if launch.cwd is not None and not launch.cwd.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "no such folder", str(launch.cwd))
        self.done.append("start")
        words = list(launch.argv)
        agent = next(at for at, word in enumerate(words) if word.endswith(".py"))
        process = self.make(None, words[agent + 1 :])
        process.suspended = True
        if launch.stdin_pipe:
            process.stdin = ModelStdin(process)
        return process

    def resume(self, program: _job_api.Program) -> None:
        self.done.append("resume")
        if self.refuses_to_resume:
            raise PermissionError(errno.EACCES, "access is denied")
        process = self.processes[program.pid]
        process.suspended = False
        process.go_on()

    def interrupt(self, program: _job_api.Program) -> None:
        process = self.processes[program.pid]
        if not self.console:
            raise OSError(errno.EINVAL, "there is no console")
        self.done.append("interrupt")
        if process.on_break is not None:
            process.out.put(process.on_break)
            process.end(0 if process.on_break else CONTROL_C_EXIT)

    def kill(self, program: _job_api.Program) -> None:
        self.done.append("kill")
        self.processes[program.pid].end(EXIT_CODE_OF_KILL)

    async def kill_chain(self, program: _job_api.Program) -> None:
        await trio.lowlevel.checkpoint()
        self.done.append("taskkill")
        below = [program.pid]
        for pid in below:
            below += [
                each.pid
                for each in self.processes.values()
                if each.parent == pid and each.code is None
            ]
        for pid in reversed(below):
            self.processes[pid].end(EXIT_CODE_OF_KILL)

    def created(self, pid: int) -> float | None:
        process = self.processes.get(pid)
        return BORN + pid if process is not None and process.code is None else None

    def command(self, pid: int) -> str:
        return " ".join(self.processes[pid].words)
