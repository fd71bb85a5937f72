"""People, and other agents, talk to live agents while they work."""

import sys
from functools import partial
from pathlib import Path

import pytest
import trio
from tests.real.agents.conftest import processes_of, until
from tests.support.live import A, asked, live, live_crew, result_of, said

from crew_actors.model import MessageKind, RunStatus, TaskId, TaskStatus
from crew_actors.runs import Sent

STUBBORN = (
    f"{sys.executable} -c 'import signal, time; signal.signal(signal.SIGTERM, "
    'signal.SIG_IGN); print("ready", flush=True); time.sleep(60)\''
)


async def test_an_interrupt_breaks_off_a_reply_and_the_agent_goes_on_with_it(
    tmp_path: Path,
) -> None:
    async with live_crew(tmp_path) as crew:
        run = await crew.start(live("[[hang:I think]]"))
        await crew.llm.until_asked(1)
        sent = await run.send("a", "[[say:Other things.]]", kind="interrupt")
        assert sent.outcome == "delivered"
        await crew.llm.until_left()
        state = await run.wait()
        assert result_of(run, state) == "Other things."
        assert state.tasks[A].attempts == 1
        said_before = crew.body()["messages"][-2]
        assert said_before == {"role": "assistant", "content": "I think"}


async def test_an_interrupt_kills_a_command_that_is_going_on(tmp_path: Path) -> None:
    async with live_crew(tmp_path) as crew:
        run = await crew.start(live(f"[[run:{STUBBORN} | tee ready]]"))
        await until((crew.project / "ready").exists)
        await run.send("a", "[[say:Stop that.]]", kind="interrupt")
        state = await run.wait()
        assert result_of(run, state) == "Stop that."
        assert "broken off" in crew.told()
        assert processes_of(run) == []


@pytest.mark.parametrize("kind", ["steer", "message", "follow_up"])
async def test_what_an_agent_is_told_is_delivered_when_its_model_hears_it(
    kind: MessageKind, tmp_path: Path
) -> None:
    async with live_crew(tmp_path) as crew:
        slow = "[[slow:5:0.05]]"
        run = await crew.start(live(f"[[run:sleep 0.3]] {slow}"))
        await said(run, "bash")
        got: list[Sent] = []

        async def tell() -> None:
            got.append(await run.send("a", "[[say:Heard.]]", kind=kind))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(tell)
            state = await run.wait()
        assert got[0].outcome == "delivered"
        assert result_of(run, state) == "Heard."


async def test_what_another_says_is_material_and_no_order(tmp_path: Path) -> None:
    async with live_crew(tmp_path) as crew:
        run = await crew.start(live("[[run:sleep 0.3]] [[say:done]]"))
        await said(run, "bash")
        await run.send("a", "look ``` here", by="somebody")
        await run.wait()
        last = crew.heard()
        assert last.startswith("A message from somebody. What it says is material")
        assert "````text\nlook ``` here\n````" in last


async def test_an_agent_asks_and_hears_the_answer(tmp_path: Path) -> None:
    async with live_crew(tmp_path) as crew:
        ask = '[[tool:ask {"question": "Which?", "choices": ["left", "right"]}]]'
        run = await crew.start(live(f"{ask} [[say:Thanks.]]"))
        question = (await asked(run)).question
        assert (question.text, question.choices) == ("Which?", ("left", "right"))
        await run.respond("left")
        state = await run.wait()
        assert state.status is RunStatus.COMPLETED
        assert "left" in crew.heard()


async def test_an_agent_sends_something_to_another_one(tmp_path: Path) -> None:
    async with live_crew(tmp_path) as crew:
        hears = live("[[hang:waiting]]", "b")
        send = '[[tool:send {"task": "b", "text": "[[say:Got it.]]"}]]'
        run = await crew.start(hears, live(f"[[delay:0.2]] {send} [[say:sent]]"))
        await said(run, "sent")
        await run.send("b", "[[say:Enough.]]", kind="interrupt")
        state = await run.wait()
        assert state.tasks[TaskId("b")].status is TaskStatus.COMPLETED
        assert "A message from task a" in str(
            [one.body for one in crew.llm.requests if "Got it" in str(one.body)]
        )


@pytest.mark.parametrize(
    ("to", "why"),
    [("nobody", "no task"), ("a", "your own task")],
)
async def test_what_cannot_be_sent_is_told_to_the_agent(
    to: str, why: str, tmp_path: Path
) -> None:
    async with live_crew(tmp_path) as crew:
        send = f'[[tool:send {{"task": "{to}", "text": "hello"}}]]'
        _, state = await crew.finish(live(f"{send} [[say:done]]"))
        assert state.status is RunStatus.COMPLETED
        assert why in crew.told()


async def test_a_cancelled_agent_leaves_no_connection_and_no_process(
    tmp_path: Path,
) -> None:
    async with live_crew(tmp_path) as crew:
        talks = live("[[hang:I think]]")
        works = live(f"[[run:{STUBBORN} | tee ready]]", "b")
        run = await crew.start(talks, works)
        await until((crew.project / "ready").exists)
        run.cancel("enough")
        state = await run.wait()
        assert state.status is RunStatus.CANCELLED
        await crew.llm.until_left()
        assert processes_of(run) == []


async def test_a_line_is_told_while_it_grows(tmp_path: Path) -> None:
    async with live_crew(tmp_path) as crew:
        run = await crew.start(live("[[hang:I have not come to an end]]"))
        await said(run, "I have not come to an end")
        run.cancel("seen")
        await run.wait()


async def test_a_follow_up_after_a_result_begins_anew(tmp_path: Path) -> None:
    async with live_crew(tmp_path) as crew:
        (crew.project / "b.txt").write_text("more")
        first = '[[run:sleep 0.5]] [[tool:submit_result {"summary": "one"}]]'
        second = '[[tool:read {"path": "b.txt"}]]'
        second += '[[tool:submit_result {"summary": "two"}]]'
        run = await crew.start(live(first))
        await said(run, "bash")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(run.send, "a", second, kind="follow_up"))
            state = await run.wait()
        assert result_of(run, state) == "two"
        assert "1\tmore" in crew.heard() or "more" in crew.told()


async def test_a_tool_that_was_broken_off_has_a_result_that_says_so(
    tmp_path: Path,
) -> None:
    async with live_crew(tmp_path) as crew:
        both = '[[run:sleep 30]] + [[tool:find {"pattern": "*"}]]'
        run = await crew.start(live(both))
        await said(run, "bash")
        await run.send("a", "[[say:Enough.]]", kind="interrupt")
        state = await run.wait()
        assert result_of(run, state) == "Enough."
        *_, one, two, prompt = crew.body()["messages"]
        assert "broken off" in one["content"]
        assert "broken off" in two["content"]
        assert prompt["role"] == "user"
