"""The page about the terminal says what is there."""

import re
import sys
from functools import partial
from pathlib import Path

import pytest
import trio
from tests.support.console import console_in
from tests.support.plans import plan, task

from crew_actors.runtimes import Completed, Job, Outcome, Port

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "watch-in-a-terminal.md"


def test_each_key_of_the_panes_is_told() -> None:
    pytest.importorskip("textual", reason="the extra `tui` is not installed")
    from textual.binding import Binding  # noqa: PLC0415 - of an extra

    from crew_actors.console.panes import Panes  # noqa: PLC0415 - as above
    from crew_actors.console.panes._texts import HELP  # noqa: PLC0415 - as above

    names = {"slash": "/", "question_mark": "?", "ctrl+c": "Ctrl-C"}
    bound = [one.key for one in Panes.BINDINGS if isinstance(one, Binding)]
    keys = {names.get(key, key) for key in bound} - {"escape"}
    table = PAGE.read_text("utf-8").partition("| key |")[2].partition("\n\n")[0]
    told = re.findall(r"^\| ([^|]*) \|", table, re.MULTILINE)
    words = re.findall(r"[^\s`,]+", " ".join(told))
    assert keys == set(words) - {"|---|---|", "arrows", "Tab", "Shift-Tab", "Enter"}
    assert keys <= set(re.findall(r"[^\s,]+", HELP))


async def test_the_program_works(tmp_path: Path) -> None:
    heard: list[str] = []

    async def review(job: Job, port: Port) -> Outcome:
        message = await port.next_message()
        heard.append(message.text)
        await port.settle_message(message.id, "delivered")
        return Completed(text=message.text)

    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    async with console_in(tmp_path, worker=review) as (crew, address):
        await crew.start(plan(task("review")))
        link = address.link(address.tokens.operator)
        program = code.replace("http://127.0.0.1:8765/#operator.…", link)
        assert program != code
        ask = partial(trio.run_process, capture_stdout=True)
        with trio.fail_after(60):
            done = await ask([sys.executable, "-c", program])
        assert done.stdout.split()[-1] == b"completed"
    assert heard == ["look at the tests first"]
