"""The console over real sockets: what a well-behaved client can do."""

import json
import ssl
from pathlib import Path

import pytest
import trio
import trustme
from tests.support.console import (
    client_of,
    console_in,
    console_of,
    http,
    socket_to,
)
from tests.support.crews import crew_in, echo, sleep
from tests.support.plans import plan, task
from trio_websocket import open_websocket

from crew_actors.console import (
    CannotListen,
    ConsoleAddress,
    NotLoopback,
    Tokens,
    serve_console,
)
from crew_actors.model import RunStatus
from crew_actors.runs import Crew
from crew_actors.runtimes import Completed, Job, Outcome, Port


async def test_a_client_sees_a_run_from_its_start_to_its_end(tmp_path: Path) -> None:
    async with (
        console_in(tmp_path, worker=echo) as (crew, address),
        client_of(address) as client,
    ):
        opened = await client.ask("subscribe", scope="runs")
        assert opened["snapshot"] == {"runs": []}
        run = await crew.start(plan(task("a"), task("b", "a")))
        known: dict[str, object] = {}
        while known.get("status") != "completed":
            update = await client.notice("update")
            assert update["subscription"] == opened["subscription"]
            known.update(update["changes"]["runs"][run.id])

        assert known["counts"] == {"completed": 2}


async def test_an_agent_is_steered_asked_and_answered(tmp_path: Path) -> None:
    async def ask(job: Job, port: Port) -> Outcome:
        answer = await port.ask("Which way?", choices=("left", "right"))
        return Completed(text=f"went {answer}")

    async with console_in(tmp_path, worker=ask) as (crew, address):
        run = await crew.start(plan(task("a")))
        async with client_of(address) as client:
            opened = await client.ask("subscribe", scope="run", run=run.id)
            tasks = opened["snapshot"]["tasks"]
            while not tasks["a"]["questions"]:
                update = await client.notice("update")
                tasks["a"].update(update["changes"].get("tasks", {}).get("a", {}))
            assert tasks["a"]["questions"][0]["text"] == "Which way?"
            wrong = await client.refused("respond", run=run.id, answer="up")
            right = await client.ask("respond", run=run.id, answer="left")

            assert wrong["data"]["kind"] == "NotAChoice"
            assert right == {"kind": "answered", "run": run.id, "task": "a"}
            state = await run.wait()
            assert state.status is RunStatus.COMPLETED


async def test_a_run_is_cancelled(tmp_path: Path) -> None:
    async with console_in(tmp_path, worker=sleep) as (crew, address):
        run = await crew.start(plan(task("a")))
        async with client_of(address) as client:
            result = await client.ask("cancel", run=run.id, reason="enough")

            assert result["status"] == "cancelled"
            assert run.state.why == "enough"


async def test_an_agent_at_work_is_begun_anew(tmp_path: Path) -> None:
    async with console_in(tmp_path, worker=sleep) as (crew, address):
        run = await crew.start(plan(task("a")))
        async with client_of(address) as client:
            opened = await client.ask("subscribe", scope="run", run=run.id)
            row = opened["snapshot"]["tasks"]["a"]
            while row["status"] != "running":
                update = await client.notice("update")
                row.update(update["changes"].get("tasks", {}).get("a", {}))
            told = await client.ask("restart", run=run.id, task="a", reason="it hangs")
            while row["attempt"] != "a.2":
                update = await client.notice("update")
                row.update(update["changes"].get("tasks", {}).get("a", {}))
            wrong = await client.refused("restart", run=run.id, task="b")

            assert told == {"run": run.id, "task": "a"}
            assert wrong["data"]["kind"] == "UnknownTask"
            run.cancel("over")


async def test_a_run_that_a_client_starts_goes_on_without_it(tmp_path: Path) -> None:
    async with console_in(tmp_path) as (_, address):
        async with client_of(address) as client:
            started = await client.ask("run", goal="look around", team="survey")
            assert started["kind"] == "started"
            notes = [one for one in client.notices if one["method"] == "note"]
            assert "not a git repository" in notes[0]["params"]["text"]
        async with client_of(address, address.tokens.viewer) as other:
            ended = await other.ask("wait", run=started["run"])
            assert ended == {"run": started["run"], "status": "completed"}


async def test_a_run_that_a_client_starts_is_one_of_the_crew(tmp_path: Path) -> None:
    async with crew_in(tmp_path) as crew:
        async with console_of(crew) as address, client_of(address) as client:
            started = await client.ask("run", goal="look around", team="survey")
        run = crew.roster.find(started["run"])
        assert run is not None
        state = await run.wait()
        assert state.status is RunStatus.COMPLETED, "the end of the console is not its"


async def test_a_dry_run_is_answered_with_its_plan(tmp_path: Path) -> None:
    async with console_in(tmp_path) as (_, address), client_of(address) as client:
        shown = await client.ask("run", goal="look", team="survey", dry_run=True)

        assert shown["kind"] != "started"
        assert shown["team"] == "survey"


async def test_several_goals_are_answered_when_they_are_at_work(
    tmp_path: Path,
) -> None:
    async with console_in(tmp_path) as (_, address), client_of(address) as client:
        goals = "look here\nlook there"
        started = await client.ask("parallel", goals=goals, team="survey")

        assert started == {"kind": "started", "run": None}


@pytest.mark.parametrize(
    ("method", "parameter"), [("parallel", "goals_file"), ("create", "content_file")]
)
async def test_the_input_of_the_server_is_nobodys(
    method: str, parameter: str, tmp_path: Path
) -> None:
    async with console_in(tmp_path) as (_, address), client_of(address) as client:
        error = await client.refused(method, **{parameter: "-"})

        assert error["code"] == -32602
        assert "command line only" in error["data"]["problems"][0]


async def test_wrong_parameters_are_told_all_at_once(tmp_path: Path) -> None:
    async with console_in(tmp_path) as (_, address), client_of(address) as client:
        error = await client.refused("status", limit="x", colour="red")

        assert error["code"] == -32602
        assert len(error["data"]["problems"]) == 2


async def test_numbers_may_come_as_texts_and_nothing_as_an_empty_one(
    tmp_path: Path,
) -> None:
    async with console_in(tmp_path) as (_, address), client_of(address) as client:
        for limit in (3, "3", "", None):
            assert (await client.ask("status", limit=limit))["runs"] == []


async def test_what_a_person_can_mend_has_its_kind(tmp_path: Path) -> None:
    async with console_in(tmp_path) as (_, address), client_of(address) as client:
        error = await client.refused("status", run="nothing")
        missing = await client.refused("subscribe", scope="run", run="nothing")

        assert error["code"] == missing["code"] == -32000
        assert error["data"]["kind"] == missing["data"]["kind"] == "UnknownRun"
        assert error["data"]["exit_code"] == 2


async def test_a_viewer_sees_and_cannot_act(tmp_path: Path) -> None:
    async with console_in(tmp_path, worker=sleep) as (crew, address):
        run = await crew.start(plan(task("a")))
        async with client_of(address, address.tokens.viewer) as viewer:
            assert (await viewer.ask("status"))["runs"]
            await viewer.ask("subscribe", scope="run", run=run.id)
            error = await viewer.refused("cancel", run=run.id)

            assert error["code"] == -32003
            assert not run.state.status.ended


async def test_who_comes_back_is_told_only_what_is_newer(tmp_path: Path) -> None:
    async with console_in(tmp_path, worker=echo) as (crew, address):
        await (await crew.start(plan(task("a")))).wait()
        async with client_of(address) as client:
            opened = await client.ask("subscribe", scope="runs")
            again = await client.ask("subscribe", scope="runs", since=opened["rev"])

            assert again["unchanged"] is True
            assert "snapshot" not in again


async def test_the_end_of_the_server_is_told_to_its_clients(tmp_path: Path) -> None:
    scope = trio.CancelScope()

    async def serve(
        crew: Crew, *, task_status: trio.TaskStatus[ConsoleAddress]
    ) -> None:
        with scope:
            await serve_console(crew, task_status=task_status)

    async with crew_in(tmp_path) as crew, trio.open_nursery() as nursery:
        address = await nursery.start(serve, crew)
        async with client_of(address) as client:
            scope.cancel()
            assert await client.close_code() == 4503


async def test_a_server_may_come_back_at_its_place_with_its_tokens(
    tmp_path: Path,
) -> None:
    tokens = Tokens()
    async with crew_in(tmp_path) as crew:
        async with console_of(crew, tokens=tokens) as address:
            port = address.port
        async with (
            console_of(crew, tokens=tokens, port=port) as again,
            client_of(again, tokens.viewer) as client,
        ):
            assert again.url == address.url
            assert (await client.ask("status"))["runs"] == []


async def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    async with console_in(tmp_path) as (crew, address):
        with pytest.raises(CannotListen, match=f"port {address.port}"):
            await serve_console(crew, port=address.port)
        with pytest.raises(CannotListen, match=r"no\.such\.name\.invalid"):
            await serve_console(crew, host="no.such.name.invalid")


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
async def test_other_machines_are_let_in_only_when_told_so(
    host: str, tmp_path: Path
) -> None:
    async with crew_in(tmp_path) as crew:
        with pytest.raises(NotLoopback, match="--insecure"):
            await serve_console(crew, host=host)


async def test_an_open_server_is_asked_by_our_names_only(tmp_path: Path) -> None:
    async with (
        crew_in(tmp_path) as crew,
        console_of(crew, host="0.0.0.0", insecure=True, hosts=("Box",)) as address,
    ):
        assert address.url == f"http://127.0.0.1:{address.port}/"
        assert (await http(address, "/healthz", host="box:1"))[0] == 200
        assert (await http(address, "/healthz", host="other"))[0] == 421


async def test_health_and_metrics(tmp_path: Path) -> None:
    async with console_in(tmp_path) as (_, address), client_of(address):
        status, _, body = await http(address, "/healthz")
        assert (status, json.loads(body)) == (200, {"status": "ok"})
        assert (await http(address, "/metrics"))[0] == 401
        token = f"Bearer {address.tokens.viewer}"
        status, headers, body = await http(address, "/metrics", Authorization=token)

        assert status == 200
        assert headers["content-type"].startswith("text/plain; version=0.0.4")
        lines = body.decode().splitlines()
        assert "crew_console_clients 1.0" in lines
        assert "# TYPE crew_console_clients gauge" in lines


async def test_a_head_request_has_no_body(tmp_path: Path) -> None:
    async with console_in(tmp_path) as (_, address):
        status, headers, body = await http(address, "/healthz", "HEAD")

        assert (status, body) == (200, b"")
        assert int(headers["content-length"]) > 0


async def test_encrypted_it_speaks_https_and_wss(tmp_path: Path) -> None:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server)  # pyright: ignore[reportUnknownMemberType] # OpenSSL or ssl
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)  # pyright: ignore[reportUnknownMemberType] # likewise
    async with (
        crew_in(tmp_path) as crew,
        console_of(crew, tls=server) as address,
    ):
        assert address.url.startswith("https://")
        async with open_websocket(
            "localhost",
            address.port,
            "/ws",
            use_ssl=trusting,
            subprotocols=["crew.v1"],
            extra_headers=[(b"Origin", f"https://localhost:{address.port}".encode())],
        ) as socket:
            said = {"token": address.tokens.operator, "versions": ["crew.v1"]}
            frame = {"jsonrpc": "2.0", "id": 1, "method": "hello", "params": said}
            await socket.send_message(json.dumps(frame))
            assert (
                json.loads(await socket.get_message())["result"]["role"] == "operator"
            )


async def test_the_websocket_of_our_own_page_is_granted(tmp_path: Path) -> None:
    async with console_in(tmp_path) as (_, address):
        origin = address.url.rstrip("/")
        async with socket_to(address, Origin=origin) as client:
            result = await client.ask(
                "hello", token=address.tokens.viewer, versions=["crew.v1"]
            )
            assert result["role"] == "viewer"
            assert client.socket.subprotocol == "crew.v1"


async def test_no_token_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    async with console_in(tmp_path) as (_, address), client_of(address) as client:
        await client.refused("status", run="nothing")
        async with socket_to(address) as stranger:
            await stranger.send(json.dumps({"token": address.tokens.operator}))
            assert await stranger.close_code() == 4400

    ours = [one for one in caplog.records if one.name.startswith("crew")]
    assert not any(address.tokens.operator in one.getMessage() for one in ours)
    assert address.tokens.operator not in repr(address)
