"""The published schema, held against what the server really says."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it has no types of its own
import pytest
import trio
from jsonschema import exceptions
from tests.support.console import client_of, console_in, http
from tests.support.crews import echo
from tests.support.plans import plan, task

from crew_actors.commands import ROLES, SUMMARIES
from crew_actors.console._actions import NOT_HERE
from crew_actors.console._hints import Definitions
from crew_actors.console._schema import schema
from crew_actors.console._scopes import SCOPES
from crew_actors.model import Failure, FailureKind
from crew_actors.runtimes import Completed, Failed, Job, Outcome, Port

Json = dict[str, Any]

LOCAL = {"attach", "console", "events", "init", "serve", "stress"}
"""Actions that make no sense for clients."""


@cache
def published() -> Json:
    found: Json = json.loads(json.dumps(schema()))
    return found


def check(value: object, *path: str) -> None:
    """Hold *value* against the part of the schema at *path*."""
    where = "/".join(path)
    whole = {**published(), "$ref": f"#/{where}"}
    whole.pop("anyOf")
    validator: Any = jsonschema.Draft202012Validator(whole)
    wrong: Any = getattr(exceptions, "best_match")(validator.iter_errors(value))  # noqa: B009 - it has no types
    if wrong is not None:
        raise Unfit(f"{path} {wrong.json_path}: {wrong.message[:300]}")


class Unfit(AssertionError):
    """The schema says something else than the server."""


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(published())


def test_each_action_is_exposed_or_makes_no_sense_for_clients() -> None:
    assert set(ROLES) | LOCAL == set(SUMMARIES)
    assert set(ROLES).isdisjoint(LOCAL)
    assert set(NOT_HERE) <= set(ROLES)


def test_each_method_and_each_scope_is_described() -> None:
    methods = published()["methods"]

    assert set(methods) == {*ROLES, "hello", "subscribe", "unsubscribe"}
    assert set(published()["scopes"]) == set(SCOPES)
    assert all(one["summary"] for one in methods.values())


def test_what_has_no_form_in_json_is_refused() -> None:
    for hint in (bytes, object(), frozenset, Iterator[int]):
        with pytest.raises(TypeError, match="no form in JSON"):
            Definitions().schema(hint)


REQUEST: Json = {"jsonrpc": "2.0", "id": 1}


@pytest.mark.parametrize(
    "frame",
    [
        {**REQUEST, "method": "status"},
        {**REQUEST, "id": "x", "method": "status", "params": {"all": True}},
        {**REQUEST, "method": "status", "params": {"limit": "3", "run": ""}},
        {**REQUEST, "method": "subscribe", "params": {"scope": "runs", "since": 3}},
    ],
)
def test_a_request_is_described(frame: Json) -> None:
    check(frame, "$defs", "Request")


@pytest.mark.parametrize(
    "frame",
    [
        {**REQUEST, "method": "statsu"},
        {"jsonrpc": "2.0", "method": "status"},
        {**REQUEST, "id": 1.5, "method": "status"},
        {**REQUEST, "method": "status", "params": {"x": 1}},
        {**REQUEST, "method": "run"},
        {**REQUEST, "method": "run", "params": {}},
        {**REQUEST, "method": "run", "params": {"goal": "g", "console": True}},
        {**REQUEST, "method": "hello"},
        {**REQUEST, "method": "subscribe", "params": {"scope": "run"}},
    ],
)
def test_what_is_no_request_is_not_described(frame: Json) -> None:
    with pytest.raises(Unfit):
        check(frame, "$defs", "Request")


async def worker(job: Job, port: Port) -> Outcome:
    """Do a bit of everything that is shown."""
    await port.progress("at work")
    if job.task.id == "b":
        failure = Failure(kind=FailureKind.EXIT, message="exit code 1")
        return Failed(failure=failure)
    return Completed(text="done")


async def test_all_frames_of_a_run_are_as_the_schema_says(tmp_path: Path) -> None:
    async with (
        console_in(tmp_path, worker=worker) as (crew, address),
        client_of(address) as client,
    ):
        kinds: dict[str, str] = {}

        async def subscribe(**params: object) -> None:
            frame = {**REQUEST, "method": "subscribe", "params": params}
            check(frame, "$defs", "Request")
            result = await client.ask("subscribe", **params)
            check(result, "methods", "subscribe", "result")
            kind = str(params["scope"])
            check(result["snapshot"], "scopes", kind, "snapshot")
            kinds[result["subscription"]] = kind

        for kind in ("runs", "metrics", "supervisors", "mailboxes", "deadletters"):
            await subscribe(scope=kind)
        run = await crew.start(plan(task("a"), task("b"), task("c", "b")))
        for kind in ("run", "events", "supervisors", "mailboxes", "deadletters"):
            await subscribe(scope=kind, run=run.id)
        await subscribe(scope="output", run=run.id, task="a", tail=100)
        assert set(kinds.values()) == set(SCOPES)
        await run.wait()
        await trio.sleep(1.2)  # the figures are told once in a second
        await client.ask("status")
        heard: set[str] = set()
        for frame in client.notices:
            check(frame, "$defs", frame["method"].title())
            told = frame["params"]
            if frame["method"] == "update":
                kind = kinds[told["subscription"]]
                check(told["changes"], "scopes", kind, "changes")
                heard.add(kind)
        assert heard >= {"runs", "run", "events", "metrics"}


async def test_what_actions_give_is_as_the_schema_says(tmp_path: Path) -> None:
    async with console_in(tmp_path, worker=echo) as (crew, address):
        run = await crew.start(plan(task("a"), task("b", "a")))
        await run.wait()
        async with client_of(address) as client:
            asked: list[tuple[str, Json]] = [
                ("status", {}),
                ("status", {"run": run.id}),
                ("artifacts", {"run": run.id}),
                ("summary", {"run": run.id}),
                ("worktrees", {"run": run.id}),
                ("imports", {}),
                ("list", {}),
                ("show", {"kind": "team", "name": "survey"}),
                ("validate", {}),
                ("config", {}),
                ("plan", {"goal": "look", "team": "survey"}),
                ("recommend", {"goal": "fix a bug"}),
                ("wait", {"run": run.id}),
                ("prune", {"keep": 10}),
                ("run", {"goal": "look", "team": "survey", "dry_run": True}),
                ("run", {"goal": "look", "team": "survey"}),
            ]
            for method, params in asked:
                frame = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
                check(frame, "$defs", "Request")
                answer = await client.request(method, **params)
                check(answer, "$defs", "Result")
                check(answer["result"], "methods", method, "result")
            for method, params in (("status", {"run": "x"}), ("stop", {}), ("run", {})):
                check(await client.request(method, **params), "$defs", "Error")


async def test_hello_is_as_the_schema_says_which_anybody_may_read(
    tmp_path: Path,
) -> None:
    async with console_in(tmp_path) as (_, address):
        status, headers, body = await http(address, "/schema.json")
        assert status == 200
        assert headers["content-type"] == "application/schema+json"
        assert json.loads(body) == published()
        async with client_of(address) as client:
            hello = {"token": "x", "versions": ["crew.v1"]}
            check(hello, "methods", "hello", "params")
            error = await client.request("hello", **hello)
            check(error, "$defs", "Error")


def test_no_client_can_have_the_standard_input_read() -> None:
    """The server has one; whoever reads it waits for a person who is not there."""
    for name, method in published()["methods"].items():
        for parameter, told in method["params"].get("properties", {}).items():
            told_of = told.get("description", "")
            assert "standard input" not in told_of, f"{name}: {parameter}"
