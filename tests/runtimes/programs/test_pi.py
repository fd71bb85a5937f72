"""What is particular to pi."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.program_bench import ProgramBench, text_of

from crew_actors.peers import Notification
from crew_actors.runtimes._seen import Seen, TurnEnds
from crew_actors.runtimes.programs import Pi
from crew_actors.runtimes.programs._pi_events import PiDialect, PiReader


@pytest.fixture
def pi(tmp_path: Path) -> ProgramBench:
    return ProgramBench(tmp_path, "pi", Pi)


async def _argv(pi: ProgramBench, **fields: Any) -> list[str]:
    found: list[str] = json.loads(text_of(await pi.run("[[argv]]", **fields)))
    return found


async def test_what_the_task_says_is_on_its_command_line(pi: ProgramBench) -> None:
    argv = await _argv(pi, model="x/y", tools=("read", "bash"), writes=False)
    assert argv[argv.index("--model") + 1] == "x/y"
    assert argv[argv.index("--tools") + 1] == "read,bash"
    assert argv[argv.index("--exclude-tools") + 1] == "edit,write"


async def test_no_tools_are_none(pi: ProgramBench) -> None:
    assert "--no-tools" in await _argv(pi, tools=())


async def test_it_does_not_phone_home(pi: ProgramBench) -> None:
    assert text_of(await pi.run("[[echo-env:PI_OFFLINE]]")) == "PI_OFFLINE=1"


async def test_a_message_is_no_command_of_pi(pi: ProgramBench) -> None:
    pi.port.say_after("word 0", "/quit [[say:it was told]]")
    assert text_of(await pi.run("[[slow:2:0.3]]")) == "it was told"
    assert pi.port.settled == [("m-1", "delivered", "")]


def _ends(*events: Notification) -> Iterator[Seen]:
    reader = PiReader()
    return (s for e in events for s in reader.take(e) if isinstance(s, TurnEnds))


def test_an_older_pi_ends_with_what_says_nothing_of_the_rest() -> None:
    """Which the newer one does with `agent_settled` alone."""
    old = Notification("agent_end", {"messages": []})
    new = Notification("agent_end", {"messages": [], "willRetry": False})
    settled = Notification("agent_settled", {})
    assert len(list(_ends(old))) == 1
    assert len(list(_ends(new, settled))) == 1


def test_the_beginning_of_a_long_event_tells_what_it_is() -> None:
    told = PiDialect().read_cut('{"type":"agent_end","messages":[{"role')
    assert isinstance(told, Notification)
    assert told.method == "agent_end"
    assert not list(_ends(told))
    assert PiDialect().read_cut("a long text") is None
