"""`crew console --exec`: lines that a console elsewhere carries out."""

import io
import json
import os
import sys
from collections.abc import Awaitable
from functools import partial
from pathlib import Path

import attrs
import pytest
import trio
from tests.support.console import console_in
from tests.support.crews import echo, fail, sleep
from tests.support.plans import plan, task
from tests.support.strangers import Json, Stranger, stranger

from crew_actors.commands import BadParameters, Context, Watcher
from crew_actors.console import ConsoleAddress, Tokens
from crew_actors.console._kept import keep
from crew_actors.console._lines import BadLine
from crew_actors.console.client import (
    BadAddress,
    ConsoleRefused,
)
from crew_actors.console.console_action import (
    ACTION,
    TOKEN,
    ConsoleParameters,
    LinesDone,
    NoConsole,
    console,
    find_console,
)
from crew_actors.model import Recorded, RunStatus
from crew_actors.places import find_project, user_places
from crew_actors.runtimes import Completed, Job, Outcome, Port


@attrs.define(eq=False)
class Ear(Watcher):
    """Keeps what is told."""

    texts: list[str] = attrs.field(factory=list[str])
    values: list[object] = attrs.field(factory=list[object])
    notes: list[str] = attrs.field(factory=list[str])
    events: list[Recorded] = attrs.field(factory=list[Recorded])

    async def note(self, text: str) -> None:
        self.notes.append(text)

    async def event(self, recorded: Recorded) -> None:
        self.events.append(recorded)

    async def result(self, value: object, text: str) -> None:
        self.values.append(value)
        self.texts.append(text)


def context_in(folder: Path, ear: Watcher) -> Context:
    return Context(
        project=find_project(folder),
        places=user_places(os.environ),
        environ=dict(os.environ),
        now=lambda: 1000.0,
        watcher=ear,
    )


async def carry_out(
    address: ConsoleAddress, folder: Path, *lines: str, token: str | None = None
) -> tuple[LinesDone, Ear]:
    ear = Ear()
    shown = address.tokens.operator if token is None else token
    parameters = ConsoleParameters(url=address.link(shown), exec_=lines)
    with trio.fail_after(20):
        done = await console(parameters, context_in(folder, ear))
    return done, ear


async def test_several_lines_are_done_in_their_order(tmp_path: Path) -> None:
    async with console_in(tmp_path, worker=sleep) as (crew, address):
        run = await crew.start(plan(task("a")))
        done, ear = await carry_out(
            address,
            tmp_path,
            f"status {run.id}",
            f"cancel --reason 'it is enough' {run.id}",
            "status latest",
        )

        assert done == LinesDone(lines=3, exit_code=0)
        assert run.state.why == "it is enough"
        assert ear.notes == [f"Stopping run {run.id}."]
        assert ear.texts[1] == f"run {run.id} cancelled"
        assert ear.values[1] == {"run": run.id, "status": "cancelled", "task": None}


async def test_an_agent_is_steered_by_the_words_of_the_command_line(
    tmp_path: Path,
) -> None:
    heard: list[str] = []

    async def listen(job: Job, port: Port) -> Outcome:
        message = await port.next_message()
        heard.append(message.text)
        await port.settle_message(message.id, "delivered")
        return Completed(text="done")

    async with console_in(tmp_path, worker=listen) as (crew, address):
        await crew.start(plan(task("a")))
        done, ear = await carry_out(
            address, tmp_path, "steer a 'look at the tests first'"
        )
        assert done.exit_code == 0, ear
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert heard == ["look at the tests first"]


async def test_the_run_is_named_where_it_is_not_the_only_one(tmp_path: Path) -> None:
    async with console_in(tmp_path, worker=sleep) as (crew, address):
        with pytest.raises(BadParameters, match="nobody works on a run now"):
            await carry_out(address, tmp_path, "cancel")
        await crew.start(plan(task("a")))
        await crew.start(plan(task("a")))
        with pytest.raises(BadParameters, match="several are at work"):
            await carry_out(address, tmp_path, "cancel")


async def test_the_first_line_that_fails_is_the_last(tmp_path: Path) -> None:
    async with console_in(tmp_path, worker=sleep) as (crew, address):
        run = await crew.start(plan(task("a")))
        with pytest.raises(ConsoleRefused, match="nowhere"):
            await carry_out(address, tmp_path, "status nowhere", f"cancel {run.id}")
        assert run.state.status is not RunStatus.CANCELLED


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("", "there is no command in it"),
        ("steer 'a", "cannot be split into words"),
        ("dance", "'dance' is no command"),
        ("\x1b[31mdance", "'dance' is no command"),
        ("serve", "'serve' is for a command line only"),
    ],
)
async def test_lines_that_are_none(line: str, problem: str, tmp_path: Path) -> None:
    async with console_in(tmp_path) as (_, address):
        with pytest.raises(BadLine, match=problem):
            await carry_out(address, tmp_path, line)


@pytest.mark.parametrize("line", ["status --no", "status a b", "status --help"])
async def test_words_that_a_command_does_not_take(line: str, tmp_path: Path) -> None:
    async with console_in(tmp_path) as (_, address):
        with pytest.raises(BadParameters, match="status: "):
            await carry_out(address, tmp_path, line)


async def test_events_are_followed_until_the_run_ends(tmp_path: Path) -> None:
    async def talk(job: Job, port: Port) -> Outcome:
        for number in range(5):
            await port.progress(f"step {number}")
            await trio.sleep(0.02)
        return Completed(text="done")

    async with console_in(tmp_path, worker=talk) as (crew, address):
        run = await crew.start(plan(task("a")))
        done, ear = await carry_out(address, tmp_path, "events --follow")
        assert done.exit_code == 0
        assert [one.seq for one in ear.events] == list(range(1, len(ear.events) + 1))
        assert ear.events[-1].seq == (await run.wait()).seq
        _, again = await carry_out(
            address, tmp_path, "events latest --since 2", f"events {run.id} --since 99"
        )
        assert again.events == ear.events[2:]


async def test_events_so_far_are_told_of_a_run_at_work(tmp_path: Path) -> None:
    async with console_in(tmp_path, worker=sleep) as (crew, address):
        await crew.start(plan(task("a")))
        _, ear = await carry_out(address, tmp_path, "events latest")
        assert ear.events[0].seq == 1


async def test_a_run_that_a_line_starts_goes_on(tmp_path: Path) -> None:
    async with console_in(tmp_path, worker=echo) as (_, address):
        done, ear = await carry_out(
            address, tmp_path, "run 'What is here?' --team survey", "wait latest"
        )
        assert done == LinesDone(lines=2, exit_code=0), ear
        assert ear.texts[0].endswith(" is at work")


async def test_a_viewer_may_only_look(tmp_path: Path) -> None:
    async with console_in(tmp_path) as (_, address):
        viewer = address.tokens.viewer
        done, _ = await carry_out(address, tmp_path, "status", token=viewer)
        assert done.exit_code == 0
        with pytest.raises(ConsoleRefused, match="operator's token"):
            await carry_out(address, tmp_path, "prune", token=viewer)


async def test_lines_come_from_the_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "sys.stdin", io.StringIO("# a remark\n\nstatus\n  list teams\n")
    )
    async with console_in(tmp_path) as (_, address):
        done, ear = await carry_out(address, tmp_path, "status", "-")
        assert done == LinesDone(lines=3, exit_code=0)
        assert len(ear.texts) == 3


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (b"status\n" + b"x" * 70_000 + b" cancel latest\n", "65536 characters"),
        (b"\xff\xfe\n", "it is no text"),
    ],
)
async def test_lines_of_the_standard_input_that_are_none(
    said: bytes, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(said), encoding="utf-8")
    monkeypatch.setattr("sys.stdin", stdin)
    async with console_in(tmp_path) as (_, address):
        with pytest.raises(BadLine, match=problem):
            await carry_out(address, tmp_path, "-")


async def test_each_result_is_told_as_its_command_does(tmp_path: Path) -> None:
    """The results of all that only looks become what they were."""
    async with console_in(tmp_path, worker=echo) as (crew, address):
        run = await crew.start(plan(task("a")))
        await run.wait()
        lines = (
            "status",
            f"status {run.id}",
            f"task {run.id} a",
            f"output {run.id} a",
            f"messages {run.id}",
            f"artifacts {run.id}",
            f"wait {run.id}",
            f"summary {run.id}",
            f"worktrees {run.id}",
            "plan 'What is here?' --team survey",
            "recommend 'What is here?'",
            "imports",
            "list",
            "show team survey",
            "validate",
            "config",
            "doctor",
            "census",
        )
        for line in lines:
            _, ear = await carry_out(address, tmp_path, line)
            assert ear.texts, line
            assert not ear.texts[0].startswith("{"), (line, ear.texts)


async def test_the_exit_code_is_that_of_the_command(tmp_path: Path) -> None:
    async with console_in(tmp_path, worker=fail) as (crew, address):
        run = await crew.start(plan(task("a")))
        done, ear = await carry_out(address, tmp_path, f"wait {run.id}", "status")
        assert done == LinesDone(lines=1, exit_code=1)
        assert len(ear.texts) == 1
        assert (ACTION.exit_code(done), ACTION.text(done)) == (1, "")


def lines_at(link: str, folder: Path, ear: Ear, *lines: str) -> Awaitable[LinesDone]:
    return console(ConsoleParameters(url=link, exec_=lines), context_in(folder, ear))


async def test_what_another_version_tells_is_shown_as_it_is(tmp_path: Path) -> None:
    results = ({"kind": "news"}, {"kind": "started", "run": None}, {"kind": "started"})

    async def play(server: Stranger) -> None:
        await server.welcome()
        for result in results:
            asked = await server.hear()
            await server.say({"id": asked["id"], "result": result})

    ear = Ear()
    async with stranger(play) as link:
        lines = ("status", "resume latest", "resume latest")
        await lines_at(link, tmp_path, ear, *lines)
    assert ear.values == list(results)
    assert ear.texts == [
        '{"kind": "news"}',
        "the runs are at work",
        '{"kind": "started"}',
    ]


@attrs.define(eq=False)
class SlowEar(Ear):
    """Is busy with the first note for a while."""

    async def note(self, text: str) -> None:
        await super().note(text)
        await trio.sleep(1.0 if len(self.notes) == 1 else 0.0)


async def test_more_notes_than_anybody_reads_are_left_out(tmp_path: Path) -> None:
    async def play(server: Stranger) -> None:
        await server.welcome()
        asked = await server.hear()
        note = {"request": asked["id"], "text": "so much"}
        await server.say(*[{"method": "note", "params": note}] * 2000)
        await server.say({"id": asked["id"], "result": {"kind": "news"}})

    ear = SlowEar()
    async with stranger(play) as link:
        await lines_at(link, tmp_path, ear, "status")
    assert ear.values == [{"kind": "news"}]
    assert 1000 < len(ear.notes) < 2000


async def test_events_that_end_before_their_run_are_no_success(tmp_path: Path) -> None:
    async def play(server: Stranger) -> None:
        await server.welcome()
        asked = await server.hear()
        await server.say({"id": asked["id"], "result": {"run": "r"}})
        head: Json = {"run": {"status": "running", "seq": 1}, "order": [], "tasks": {}}
        none: Json = {"events": []}
        for snapshot in (head, none):
            asked = await server.hear()
            name = f"s{asked['id']}"
            result = {"subscription": name, "rev": 0, "snapshot": snapshot}
            await server.say({"id": asked["id"], "result": result})
        params = {"subscription": name, "why": "it was forgotten"}
        await server.say({"method": "ended", "params": params})

    async with stranger(play) as link:
        with pytest.raises(ConsoleRefused, match="it was forgotten"):
            await lines_at(link, tmp_path, Ear(), "events latest --follow")


async def test_a_console_of_this_machine_is_found(tmp_path: Path) -> None:
    ear = Ear()
    context = context_in(tmp_path, ear)
    with pytest.raises(NoConsole, match="crew serve"):
        find_console(ConsoleParameters(), context)
    async with console_in(tmp_path) as (_, address):
        keep(context.places, address.url, context.project.root, address.tokens)
        done = await console(ConsoleParameters(exec_=("status",)), context)
        assert done.exit_code == 0
        found = find_console(ConsoleParameters(url=address.url), context)
        assert found.token == address.tokens.operator
        elsewhere = tmp_path / "elsewhere"
        (elsewhere / ".crew").mkdir(parents=True)
        with pytest.raises(NoConsole, match=f"--url {address.url}"):
            find_console(ConsoleParameters(), context_in(elsewhere, ear))


async def test_where_the_token_is_taken_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def token(url: str | None, said: str | None = None) -> str:
        wanted = ConsoleParameters(url=url, token=said)
        return find_console(wanted, context_in(tmp_path, Ear())).token

    context, tokens = context_in(tmp_path, Ear()), Tokens()
    own = "http://127.0.0.1:7/"
    keep(context.places, own, context.project.root, tokens)
    assert token(None) == token(own) == tokens.operator
    with pytest.raises(BadAddress, match=TOKEN):
        token("http://a:1/")
    monkeypatch.setenv(TOKEN, "operator.seen-by-nobody")
    for url in (None, own, "http://a:1/"):
        assert token(url) == "operator.seen-by-nobody"
    assert token(f"{own}#operator.of-the-link") == "operator.of-the-link"
    assert token(f"{own}#operator.of-the-link", "operator.said") == "operator.said"


async def test_what_cannot_be_meant(tmp_path: Path) -> None:
    context = context_in(tmp_path, Ear())
    with pytest.raises(BadParameters, match="--exec is missing"):
        await console(ConsoleParameters(), context)
    no_file = ConsoleParameters(url="https://a/#t", ca=str(tmp_path / "none.pem"))
    with pytest.raises(BadParameters, match="No such file"):
        find_console(no_file, context)


async def test_as_a_program(tmp_path: Path, own_home: Path) -> None:
    async with console_in(tmp_path, worker=echo) as (crew, address):
        run = await crew.start(plan(task("a")))
        await run.wait()
        said = "import sys; from crew_actors.cli import main; sys.exit(main())"
        argv = [sys.executable, "-c", said, "console", "--url", address.url]
        ask = partial(
            trio.run_process,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            cwd=tmp_path,
            env={**os.environ, TOKEN: address.tokens.operator},
        )
        with trio.fail_after(60):
            first = await ask(
                [*argv, "--exec", f"events {run.id} --follow", "--exec", "-", "--json"],
                stdin=b"status\n",
            )
            second = await ask([*argv, "--exec", "status nowhere"])
        assert first.returncode == 0, first.stderr
        lines = [json.loads(line) for line in first.stdout.splitlines()]
        assert [one["kind"] for one in lines[:2]] == ["run.created", "run.started"]
        assert lines[-2]["runs"][0]["run"] == run.id
        assert lines[-1] == {"kind": "summary", "lines": 2, "exit_code": 0}
        assert second.returncode == 2
        assert second.stderr.startswith(b"crew: ")
        assert b"nowhere" in second.stderr
