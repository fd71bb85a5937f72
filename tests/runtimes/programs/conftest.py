"""Benches for scripted agent programs; what they are sent is held against schemas."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from tests.support import protocol_schemas
from tests.support.program_bench import ProgramBench
from tests.support.protocol_schemas import Traffic

from crew_actors.peers import ProcessWire, WireLine
from crew_actors.runtimes.programs import Acp, Claude, Codex, Pi, Program

PROGRAMS: dict[str, Callable[[], Program]] = {
    "claude": Claude,
    "pi": Pi,
    "codex": Codex,
    "acp": Acp,
}


@pytest.fixture(params=PROGRAMS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> ProgramBench:
    """Make a bench for each program in turn."""
    name: str = request.param
    return ProgramBench(tmp_path, name, PROGRAMS[name])


@pytest.fixture(autouse=True)
def traffic(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Traffic]:
    """Fail a test in which something is sent that its protocol does not have."""
    seen = Traffic()
    send, lines = ProcessWire.send, ProcessWire.lines

    async def noted_send(wire: ProcessWire, line: str) -> None:
        seen.sent.append(line)
        await send(wire, line)

    async def noted_lines(wire: ProcessWire) -> AsyncIterator[WireLine]:
        async for line in lines(wire):
            seen.heard.append(line.text)
            yield line

    monkeypatch.setattr(ProcessWire, "send", noted_send)
    monkeypatch.setattr(ProcessWire, "lines", noted_lines)
    program = _program_of(request)
    yield seen
    if program is not None and protocol_schemas.are_there():
        assert seen.problems(program) == []


def _program_of(request: pytest.FixtureRequest) -> str | None:
    """Name the program of a test, if its protocol has a schema."""
    for name in ("bench", "acp", "codex"):
        if name in request.fixturenames:
            found = request.getfixturevalue(name)
            return found.fake if found.fake in {"acp", "codex"} else None
    return None
