"""Each wire format tells a request, and reads text, calls, usage and the end of a reply."""

from typing import Any

import msgspec
import pytest

from crew_actors.llm import (
    Call,
    Delta,
    Ended,
    Prompt,
    Reply,
    ReplyFailed,
    Request,
    Result,
    Results,
    Text,
    Thought,
    ToolSpec,
)
from crew_actors.llm._chat import Chat
from crew_actors.llm._messages import Messages
from crew_actors.llm._responses import Responses
from crew_actors.llm._sse import ServerEvent
from crew_actors.llm._wire import CALLS, TEXT_LIMIT, Wire
from crew_actors.model import FailureKind, Usage

TOOL = ToolSpec(name="read", description="Reads.", schema={"type": "object"})
CALL = Call(id="c1", name="read", arguments='{"path":"a"}')
ENTRIES = (
    Prompt("do it"),
    Reply(text="I look.", calls=(CALL,)),
    Results((Result(call="c1", name="read", text="no such file", ok=False),)),
)
REQUEST = Request(
    model="m", entries=ENTRIES, system="Be good.", tools=(TOOL,), must_call="read"
)


def read(wire: Wire, *events: dict[str, Any] | str) -> list[Delta]:
    reader = wire.reader()
    return [
        delta
        for event in events
        for delta in reader.take(
            ServerEvent(
                "message",
                event
                if isinstance(event, str)
                else msgspec.json.encode(event).decode(),
            )
        )
    ]


def plain(body: object) -> Any:
    return msgspec.json.decode(msgspec.json.encode(body))


def chunk(**delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


def test_chat_tells_the_whole_conversation() -> None:
    body = plain(Chat().body(REQUEST))
    assert [one["role"] for one in body["messages"]] == [
        "system",
        "user",
        "assistant",
        "tool",
    ]
    assert (
        body["messages"][2]["tool_calls"][0]["function"]["arguments"] == '{"path":"a"}'
    )
    assert body["messages"][3]["tool_call_id"] == "c1"
    assert body["tools"][0]["function"]["name"] == "read"
    assert body["tool_choice"]["function"]["name"] == "read"
    assert body["stream_options"] == {"include_usage": True}


def test_chat_puts_a_reply_together_from_its_pieces() -> None:
    deltas = read(
        Chat(),
        chunk(role="assistant", reasoning_content="hm"),
        chunk(content="Hel"),
        chunk(content="lo"),
        chunk(tool_calls=[{"index": 0, "id": "c1", "function": {"name": "read"}}]),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"path":'}}]),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": '"a"}'}}]),
        {"choices": [{"delta": {}, "finish_reason": "tool_calls"}]},
        {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}},
        "not json",
        "[DONE]",
    )
    assert deltas == [
        Thought("hm"),
        Text("Hel"),
        Text("lo"),
        Ended(
            reply=Reply(text="Hello", calls=(CALL,)),
            usage=Usage(input=9, output=4),
            stop="calls",
        ),
    ]


@pytest.mark.parametrize(
    ("why", "stop"),
    [("stop", "end"), ("length", "length"), ("content_filter", "refused")],
)
def test_chat_tells_why_a_reply_ends(why: str, stop: str) -> None:
    *_, ended = read(
        Chat(), {"choices": [{"delta": {}, "finish_reason": why}]}, "[DONE]"
    )
    assert isinstance(ended, Ended)
    assert ended.stop == stop


def test_chat_wants_json_by_a_schema_where_there_are_no_tools() -> None:
    schema = {"type": "object"}
    body = plain(Chat().body(Request(model="m", entries=(Prompt("x"),), schema=schema)))
    assert body["response_format"]["json_schema"]["schema"] == schema
    body = plain(
        Responses().body(Request(model="m", entries=(Prompt("x"),), schema=schema))
    )
    assert body["text"]["format"]["schema"] == schema


def test_messages_tell_the_whole_conversation_and_what_may_be_cached() -> None:
    body = plain(Messages().body(REQUEST))
    assert [one["role"] for one in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][1]["content"][1]["input"] == {"path": "a"}
    result = body["messages"][2]["content"][0]
    assert (result["tool_use_id"], result["is_error"]) == ("c1", True)
    assert result["cache_control"] == {"type": "ephemeral"}
    assert body["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert body["tool_choice"] == {"type": "tool", "name": "read"}
    assert Messages().headers("k")["x-api-key"] == "k"


def test_messages_put_a_reply_together_and_keep_what_was_thought() -> None:
    deltas = read(
        Messages(),
        {
            "type": "message_start",
            "message": {
                "usage": {
                    "input_tokens": 2,
                    "cache_read_input_tokens": 7,
                    "output_tokens": 1,
                }
            },
        },
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": "", "signature": ""},
        },
        *(
            {"type": "content_block_delta", "index": place, "delta": delta}
            for place, delta in [
                (0, {"type": "thinking_delta", "thinking": "hm"}),
                (0, {"type": "signature_delta", "signature": "s"}),
                (1, {"type": "text_delta", "text": "Hello"}),
            ]
        ),
        {
            "type": "content_block_start",
            "index": 2,
            "content_block": {"type": "tool_use", "id": "c1", "name": "read"},
        },
        {
            "type": "content_block_delta",
            "index": 2,
            "delta": {"type": "input_json_delta", "partial_json": '{"path":"a"}'},
        },
        {"type": "ping"},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use"},
            "usage": {"output_tokens": 4},
        },
        {"type": "message_stop"},
    )
    kept = {"type": "thinking", "thinking": "hm", "signature": "s"}
    assert deltas == [
        Thought("hm"),
        Text("Hello"),
        Ended(
            reply=Reply(text="Hello", calls=(CALL,), kept=(kept,)),
            usage=Usage(input=9, output=4),
            stop="calls",
        ),
    ]
    ended = deltas[-1]
    assert isinstance(ended, Ended)
    told = Messages().body(Request(model="m", entries=(Prompt("x"), ended.reply)))
    assert plain(told)["messages"][1]["content"][0] == kept


def test_responses_tell_the_whole_conversation() -> None:
    body = plain(Responses().body(REQUEST))
    kinds = [one["type"] for one in body["input"]]
    assert kinds == ["message", "message", "function_call", "function_call_output"]
    assert body["instructions"] == "Be good."
    assert body["store"] is False


def test_responses_put_a_reply_together() -> None:
    item = {"type": "function_call", "call_id": "c1", "name": "read"}
    deltas = read(
        Responses(),
        {"type": "response.reasoning_summary_text.delta", "delta": "hm"},
        {"type": "response.output_text.delta", "output_index": 0, "delta": "Hello"},
        {
            "type": "response.output_item.done",
            "output_index": 0,
            "item": {"type": "message", "content": [{"text": "Hello"}]},
        },
        {
            "type": "response.output_item.done",
            "output_index": 1,
            "item": {**item, "arguments": '{"path":"a"}'},
        },
        {
            "type": "response.completed",
            "response": {"usage": {"input_tokens": 9, "output_tokens": 4}},
        },
    )
    assert deltas == [
        Thought("hm"),
        Text("Hello"),
        Ended(
            reply=Reply(text="Hello", calls=(CALL,)),
            usage=Usage(input=9, output=4),
            stop="calls",
        ),
    ]


def test_responses_without_deltas_are_heard_as_well() -> None:
    item = {"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}
    incomplete = {
        "status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"},
    }
    deltas = read(
        Responses(),
        {"type": "response.output_item.done", "item": item},
        {"type": "response.incomplete", "response": incomplete},
    )
    assert deltas[0] == Text("Hello")
    assert isinstance(deltas[1], Ended)
    assert deltas[1].stop == "length"


@pytest.mark.parametrize(
    ("wire", "event"),
    [
        (Chat(), {"error": {"type": "overloaded_error", "message": "full"}}),
        (
            Messages(),
            {"type": "error", "error": {"type": "overloaded_error", "message": "full"}},
        ),
        (Responses(), {"type": "error", "code": "server_error", "message": "full"}),
        (
            Responses(),
            {
                "type": "response.failed",
                "response": {"error": {"code": "server_error", "message": "full"}},
            },
        ),
    ],
)
def test_an_error_in_the_middle_of_a_reply_has_its_class(
    wire: Wire, event: dict[str, Any]
) -> None:
    with pytest.raises(ReplyFailed, match="full") as caught:
        read(wire, event)
    assert caught.value.kind is FailureKind.OVERLOADED


def test_a_reply_that_does_not_end_is_broken_off() -> None:
    piece = "x" * (TEXT_LIMIT // 2 + 1)
    with pytest.raises(ReplyFailed, match="does not come to an end"):
        read(Chat(), chunk(content=piece), chunk(content=piece))
    calls: list[dict[str, Any]] = [
        {"index": number, "function": {}} for number in range(CALLS + 1)
    ]
    with pytest.raises(ReplyFailed, match="tools at once"):
        read(Chat(), chunk(tool_calls=calls))


@pytest.mark.parametrize("wire", [Chat(), Messages(), Responses()])
def test_arguments_that_are_no_json_can_be_told_back(wire: Wire) -> None:
    broken = Reply(calls=(Call(id="c1", name="read", arguments='{"path'),))
    body = plain(wire.body(Request(model="m", entries=(Prompt("x"), broken))))
    assert "path" not in msgspec.json.encode(body).decode()
