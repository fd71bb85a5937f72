"""The fake LLM over real sockets, in each of its wire formats."""

import json
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import httpx2
import pytest
import trio

from crew_actors.testing.llm import FakeLlm, LlmRequest, _server, open_fake_llm

SHELL = '{"command": "ls"}'


def chat(prompt: str, *, stream: bool = False) -> dict[str, object]:
    tool = {"type": "function", "function": {"name": "bash"}}
    said = [{"role": "system", "content": "x"}, {"role": "user", "content": prompt}]
    return {"model": "m", "messages": said, "tools": [tool], "stream": stream}


def messages(prompt: str, *, stream: bool = False) -> dict[str, object]:
    blocks = [{"type": "image"}, {"type": "text", "text": prompt}]
    said = [{"role": "user", "content": blocks}]
    tools = [{"name": "bash"}]
    return {"model": "m", "messages": said, "tools": tools, "stream": stream}


def responses(prompt: str, *, stream: bool = False) -> dict[str, object]:
    part = {"type": "input_text", "text": prompt}
    said = [{"type": "message", "role": "user", "content": [part]}]
    tools = [
        {"type": "function", "name": "bash"},
        {"type": "custom", "name": "patch"},
        {"type": "namespace", "name": "mcp", "tools": [{"name": "look"}]},
    ]
    return {"model": "m", "input": said, "tools": tools, "stream": stream}


def gemini(prompt: str, *, stream: bool = False) -> dict[str, object]:
    declared = {"functionDeclarations": [{"name": "bash"}]}
    image = {"inlineData": "x"}
    said = {"role": "user", "parts": [{"text": prompt}, image]}
    return {"contents": [said], "tools": [declared]}


PATHS = {
    "chat": "/v1/chat/completions",
    "messages": "/v1/messages?beta=true",
    "responses": "/v1/responses",
    "gemini": "/v1beta/models/m:generateContent",
}
BODIES = {
    "chat": chat,
    "messages": messages,
    "responses": responses,
    "gemini": gemini,
}


@pytest.fixture
async def llm() -> AsyncGenerator[FakeLlm]:
    async with open_fake_llm() as opened:
        yield opened


@pytest.fixture
async def client(llm: FakeLlm) -> AsyncGenerator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=llm.url, timeout=10) as opened:
        yield opened


async def events(
    client: httpx2.AsyncClient, wire: str, prompt: str
) -> list[Mapping[str, Any]]:
    path = PATHS[wire].replace(":generate", ":streamGenerate")
    answer = await client.post(path, json=BODIES[wire](prompt, stream=True))
    assert answer.headers["content-type"] == "text/event-stream"
    data = [
        line.removeprefix("data: ")
        for line in answer.text.splitlines()
        if line.startswith("data: ")
    ]
    return [json.loads(one) for one in data if one != "[DONE]"]


def whole_of(wire: str, body: Mapping[str, Any]) -> tuple[str, object, str, int]:
    """Return the text, the arguments of the first call, why it ends, and the output."""
    match wire:
        case "chat":
            said = body["choices"][0]["message"]
            calls = [
                json.loads(c["function"]["arguments"])
                for c in said.get("tool_calls", ())
            ]
            why = body["choices"][0]["finish_reason"]
            text, count = said["content"] or "", body["usage"]["completion_tokens"]
        case "messages":
            calls = [b["input"] for b in body["content"] if b["type"] == "tool_use"]
            text = "".join(b["text"] for b in body["content"] if b["type"] == "text")
            why, count = body["stop_reason"], body["usage"]["output_tokens"]
        case "responses":
            calls = [
                json.loads(i["arguments"]) for i in body["output"] if "arguments" in i
            ]
            text = "".join(
                p["text"] for i in body["output"] for p in i.get("content", ())
            )
            why, count = body["status"], body["usage"]["output_tokens"]
        case _:
            parts = body["candidates"][0]["content"]["parts"]
            calls = [p["functionCall"]["args"] for p in parts if "functionCall" in p]
            text = "".join(p.get("text", "") for p in parts)
            why = body["candidates"][0]["finishReason"]
            count = body["usageMetadata"]["candidatesTokenCount"]
    return text, calls[0] if calls else None, why, count


@pytest.mark.parametrize(
    ("wire", "ends"),
    [
        ("chat", ("stop", "tool_calls", "length", "content_filter")),
        ("messages", ("end_turn", "tool_use", "max_tokens", "refusal")),
        ("responses", ("completed", "completed", "incomplete", "incomplete")),
        ("gemini", ("STOP", "STOP", "MAX_TOKENS", "SAFETY")),
    ],
)
async def test_an_answer_in_one_piece(
    client: httpx2.AsyncClient, wire: str, ends: tuple[str, ...]
) -> None:
    async def asked(prompt: str) -> tuple[str, object, str, int]:
        answer = await client.post(PATHS[wire], json=BODIES[wire](prompt))
        return whole_of(wire, answer.json())

    assert await asked("[[usage:9:3]][[say:hello]]") == ("hello", None, ends[0], 3)
    call = await asked(f"[[tool:bash {SHELL}]]")
    assert call == ("", {"command": "ls"}, ends[1], 10)
    assert await asked("[[length:so]]") == ("so", None, ends[2], 10)
    assert await asked("[[refuse:no]]") == ("no", None, ends[3], 10)


async def test_a_stream_of_chat_completions(client: httpx2.AsyncClient) -> None:
    said = await events(client, "chat", f"[[say:{'x' * 40}]] + [[tool:bash {SHELL}]]")
    deltas = [one["choices"][0]["delta"] for one in said if one["choices"]]
    assert [len(one["content"]) for one in deltas if one.get("content")] == [24, 16]
    (calls,) = (one["tool_calls"] for one in deltas if "tool_calls" in one)
    assert json.loads(calls[0]["function"]["arguments"]) == {"command": "ls"}
    assert said[-2]["choices"][0]["finish_reason"] == "tool_calls"
    assert said[-1]["usage"]["total_tokens"] == 110


async def test_a_stream_of_messages(client: httpx2.AsyncClient) -> None:
    said = await events(
        client, "messages", f"[[usage:9:3:4]][[say:hi]] + [[tool:bash {SHELL}]]"
    )
    assert [one["type"] for one in said] == [
        "message_start",
        *("content_block_start", "content_block_delta", "content_block_stop"),
        *("content_block_start", "content_block_delta", "content_block_stop"),
        *("message_delta", "message_stop"),
    ]
    assert [one["index"] for one in said if "index" in one] == [0, 0, 0, 1, 1, 1]
    assert json.loads(said[5]["delta"]["partial_json"]) == {"command": "ls"}
    usage = {"input_tokens": 5, "cache_read_input_tokens": 4, "output_tokens": 3}
    assert said[-2]["usage"].items() >= usage.items()
    only = await events(client, "messages", f"[[tool:bash {SHELL}]]")
    assert [one["index"] for one in only if "index" in one] == [0, 0, 0]


async def test_a_stream_of_responses(client: httpx2.AsyncClient) -> None:
    said = await events(client, "responses", f"[[say:hi]] + [[tool:bash {SHELL}]]")
    kinds = [one["type"].removeprefix("response.") for one in said]
    assert kinds == [
        "created",
        *("output_item.added", "content_part.added", "output_text.delta"),
        *("output_text.done", "content_part.done", "output_item.done"),
        *("output_item.added", "output_item.done", "completed"),
    ]
    assert [one["sequence_number"] for one in said] == list(range(1, 11))
    last = said[-1]["response"]
    assert whole_of("responses", last)[:2] == ("hi", {"command": "ls"})
    assert [item["type"] for item in last["output"]] == ["message", "function_call"]
    other = await events(
        client, "responses", '[[tool:patch {"input": "+x"}]] + [[tool:mcp__look]]'
    )
    free, spaced = other[-1]["response"]["output"]
    assert (free["type"], free["input"]) == ("custom_tool_call", "+x")
    assert (spaced["name"], spaced["namespace"]) == ("look", "mcp")


async def test_a_stream_of_gemini(client: httpx2.AsyncClient) -> None:
    said = await events(client, "gemini", f"[[say:hi]] + [[tool:bash {SHELL}]]")
    parts = [one["candidates"][0]["content"]["parts"] for one in said]
    assert parts == [
        [{"text": "hi"}],
        [{"functionCall": {"name": "bash", "args": {"command": "ls"}}}],
    ]
    assert said[-1]["usageMetadata"]["totalTokenCount"] == 110


@pytest.mark.parametrize("wire", PATHS)
async def test_a_conversation_goes_through_its_script(
    client: httpx2.AsyncClient, wire: str
) -> None:
    body: Any = BODIES[wire]("[[say:one]] [[say:two]]")
    match wire:
        case "chat":
            said = body["messages"]
            said += [{"role": "assistant", "content": "one"}]
            said += [{"role": "tool", "content": "x"}]
        case "messages":
            said = body["messages"]
            said += [{"role": "assistant", "content": "one"}]
            blocks = [{"type": "tool_result", "content": "x"}]
            said += [{"role": "user", "content": blocks}]
        case "responses":
            body["input"] += [{"type": "function_call", "name": "bash"}]
            body["input"] += [{"type": "function_call_output", "output": "x"}]
        case _:
            body["contents"] += [{"role": "model", "parts": [{"text": "one"}]}]
            result = {"functionResponse": {"name": "bash"}}
            body["contents"] += [{"role": "user", "parts": [result]}]
    answer = await client.post(PATHS[wire], json=body)
    assert whole_of(wire, answer.json())[0] == "two"


@pytest.mark.parametrize("wire", PATHS)
async def test_an_error_has_the_shape_of_its_wire(
    client: httpx2.AsyncClient, wire: str
) -> None:
    prompt = "[[retry-after:1.5]][[error:529:too many]]"
    answer = await client.post(PATHS[wire], json=BODIES[wire](prompt))
    assert (answer.status_code, answer.headers["retry-after"]) == (529, "1.5")
    assert answer.json()["error"]["message"] == "too many"


async def test_a_flaky_step_fails_as_often_as_it_says(
    client: httpx2.AsyncClient,
) -> None:
    said = [
        (
            await client.post(PATHS["chat"], json=chat("[[flaky:503:2]][[say:x]]"))
        ).status_code
        for _ in range(4)
    ]
    assert said == [503, 503, 200, 200]


async def test_what_else_is_asked(client: httpx2.AsyncClient, llm: FakeLlm) -> None:
    count = "/v1/messages/count_tokens"
    assert (await client.post(count, json=messages("x"))).json()["input_tokens"] > 9
    counted = await client.post("/v1beta/models/m:countTokens", json=gemini("x"))
    assert counted.json()["totalTokens"] > 9
    assert (await client.get("/v1/models")).json()["data"][0]["id"] == "fake"
    assert (await client.get("/")).json() == {"status": "ok"}
    head = await client.head("/")
    assert (head.status_code, head.content) == (200, b"")
    for method, path in (
        ("GET", "/v1/x"),
        ("POST", "/v1/x"),
        ("DELETE", "/v1/models"),
        ("POST", "/models/m:embed"),
    ):
        assert (await client.request(method, path)).status_code == 404
    assert llm.generations == []


async def test_odd_bodies_are_answered(client: httpx2.AsyncClient) -> None:
    for body in (b"", b"{", b"[1]", b'{"messages": [1, {"role": "user"}]}'):
        answer = await client.post(PATHS["chat"], content=body)
        assert answer.json()["choices"][0]["message"]["content"] == "Done."
    text = {"model": "m", "input": "[[say:plain]]"}
    answer = await client.post(PATHS["responses"], json=text)
    assert whole_of("responses", answer.json())[0] == "plain"


async def test_requests_are_kept_with_their_keys(
    client: httpx2.AsyncClient, llm: FakeLlm
) -> None:
    for headers in (
        {"authorization": "Bearer one"},
        {"x-api-key": "one"},
        {"x-goog-api-key": "one"},
    ):
        await client.post(PATHS["chat"], json=chat("[[say:x]]"), headers=headers)
    assert [one.key for one in llm.requests] == ["one"] * 3
    asked = await llm.until_asked(2)
    assert (asked.number, asked.status, asked.outcome) == (2, 200, "answered")
    assert asked.asked is not None
    assert (asked.asked.wire, asked.asked.model) == ("chat", "m")


@pytest.mark.parametrize("prompt", ["[[hang:so far]]", "[[delay:60]][[say:x]]"])
async def test_a_client_that_leaves_is_noticed_at_once(
    client: httpx2.AsyncClient, llm: FakeLlm, prompt: str
) -> None:
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            body = chat(prompt, stream=True)
            nursery.start_soon(lambda: client.post(PATHS["chat"], json=body))
            await llm.until_asked()
            nursery.cancel_scope.cancel()
        await llm.until_left()
    assert [one.outcome for one in llm.requests] == ["left"]


async def test_a_client_that_leaves_in_the_middle_of_much_is_noticed(
    llm: FakeLlm,
) -> None:
    port = int(llm.url.rpartition(":")[2])
    body = json.dumps(chat("[[big:30000000]]", stream=True)).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    with trio.fail_after(20):
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        await stream.send_all(head.encode() + body)
        await stream.receive_some(1000)
        await trio.aclose_forcefully(stream)
        await llm.until_left()


def raw(prompt: str, *, stream: bool = False) -> bytes:
    body = json.dumps(chat(prompt, stream=stream)).encode()
    size = f"Content-Length: {len(body)}\r\n\r\n".encode()
    return b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n" + size + body


async def read_until(stream: trio.SocketStream, text: bytes) -> None:
    end = b""
    while text not in end:
        more = bytes(await stream.receive_some())
        assert more, "it has hung up"
        end = end[-100:] + more


async def test_a_hanging_answer_stays_open_until_its_client_leaves(
    client: httpx2.AsyncClient, llm: FakeLlm
) -> None:
    port = int(llm.url.rpartition(":")[2])
    with trio.fail_after(10):
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(raw("[[hang:so far]]", stream=True))
            await read_until(stream, b"so far")
            await client.get("/")  # it had its turn to go on
            assert llm.requests[0].outcome == "at work"
        await llm.until_left()


async def test_what_is_asked_during_an_answer_is_answered_after_it(
    llm: FakeLlm,
) -> None:
    port = int(llm.url.rpartition(":")[2])
    with trio.fail_after(10):
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(raw("[[big:30000000]]"))
            await llm.until_asked()  # more than sockets hold: it waits for its reader
            await stream.send_all(raw("[[say:the second]]"))
            await read_until(stream, b"the second")
            await llm.until(lambda one: one.requests[-1].outcome == "answered")
    assert [one.outcome for one in llm.requests] == ["answered"] * 2


async def test_a_port_that_is_taken_is_told(llm: FakeLlm) -> None:
    with pytest.raises(OSError, match="in use"):
        async with open_fake_llm(port=int(llm.url.rpartition(":")[2])):
            pass


async def test_a_stream_that_is_dropped_has_no_end(
    client: httpx2.AsyncClient, llm: FakeLlm
) -> None:
    with pytest.raises(httpx2.RemoteProtocolError):
        await client.post(PATHS["chat"], json=chat("[[drop:so far]]", stream=True))
    await llm.until(lambda one: one.requests[0].outcome == "dropped")


async def test_one_connection_asks_ahead_and_waits_for_leave(llm: FakeLlm) -> None:
    port = int(llm.url.rpartition(":")[2])
    head = "POST /v1/messages/count_tokens HTTP/1.1\r\nHost: x\r\n"
    late = f"{head}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    last = f"{head}Connection: close\r\nContent-Length: 2\r\n\r\n{{}}"
    with trio.fail_after(10):
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(late.encode())
            assert b" 100 " in bytes(await stream.receive_some())
            await stream.send_all(f"{{}}{last}".encode())
            said = b"".join([bytes(piece) async for piece in stream])
    assert said.count(b" 200 ") == 2


@pytest.mark.parametrize("data", [b"\0\1garbage\r\n\r\n", b"GET / HT", b""])
async def test_what_is_no_request_is_hung_up_on(llm: FakeLlm, data: bytes) -> None:
    port = int(llm.url.rpartition(":")[2])
    with trio.fail_after(10):
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(data)
            await stream.send_eof()
            assert bytes(await stream.receive_some()) == b""
    assert llm.requests == []


async def test_a_body_that_is_too_large_is_not_read(
    client: httpx2.AsyncClient, llm: FakeLlm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_server, "BODY_LIMIT", 1000)
    with pytest.raises(httpx2.TransportError):
        await client.post(PATHS["chat"], content=b"x" * 10_000)
    assert llm.requests == []


async def test_each_end_is_told() -> None:
    told: list[LlmRequest] = []
    async with open_fake_llm(tell=told.append) as llm, httpx2.AsyncClient() as client:
        await client.get(f"{llm.url}/v1/models")
        await llm.until(lambda one: one.requests[0].outcome == "answered")
    assert [(one.path, one.status) for one in told] == [("/v1/models", 200)]


def test_it_runs_as_a_program_too() -> None:
    argv = [sys.executable, "-m", "crew_actors.testing.llm"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        url = json.loads(program.stdout.readline())["url"]
        httpx2.post(f"{url}{PATHS['chat']}", json=chat("[[say:x]]"))
        line = json.loads(program.stdout.readline())
        program.terminate()
    assert line == {
        "number": 1,
        "path": PATHS["chat"],
        "status": 200,
        "outcome": "answered",
        "wire": "chat",
        "model": "m",
    }


def test_an_interrupt_ends_the_program_well() -> None:
    argv = [sys.executable, "-m", "crew_actors.testing.llm", "--port", "0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdout=pipe, stderr=pipe, text=True) as program:
        assert program.stdout is not None
        program.stdout.readline()
        program.send_signal(signal.SIGINT)
        _, wrong = program.communicate(timeout=20)
    assert (program.returncode, wrong) == (0, "")
