"""A scripted ACP agent."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.support.programs.script import Broken, Fails, Fake, Json, write

OPTIONS = [
    {"optionId": "yes", "name": "Yes", "kind": "allow_once"},
    {"optionId": "ever", "name": "Always", "kind": "allow_always"},
    {"optionId": "no", "name": "No", "kind": "reject_once"},
]

GROUP = {"name": "All", "group": "all", "options": [{"value": "big", "name": "Big"}]}
OPTION = [
    {
        "id": "which",
        "name": "Model",
        "category": "model",
        "type": "select",
        "currentValue": "small",
        "options": [GROUP],
    }
]


def offered() -> Json:
    """Tell which models there are, as it is settled or as it was before."""
    if "--options" in sys.argv:
        return {"configOptions": OPTION}
    return {"models": {"availableModels": [{"modelId": "big", "name": "Big"}]}}


class Acp(Fake):
    """An ACP agent."""

    def __init__(self) -> None:
        super().__init__()
        self.later: list[Json] = []
        self.replies: dict[str, Json] = {}
        self.cost = 0.0

    def take(self, message: Json) -> None:
        assert message["jsonrpc"] == "2.0"
        method, name = message.get("method"), message.get("id")
        if method is None:
            self.replies[message["id"]] = message["result"]
        elif method == "initialize":
            version = 2 if "--version-2" in sys.argv else 1
            self.answer(name, protocolVersion=version)
            write(jsonrpc="2.0", method="_auth/status", params={"sessionId": "s"})
        elif method == "session/new":
            if "--signed-out" in sys.argv:
                error = {"code": -32000, "message": "Authentication required"}
                write(jsonrpc="2.0", id=name, error=error)
                return
            self.answer(name, sessionId="s", **offered())
        elif method == "session/prompt":
            assert not self.working, "one turn after the other"
            self.later.append(message)
        elif method == "session/cancel":
            if self.working:
                raise Broken
        elif method in {"session/set_config_option", "session/set_model"}:
            self.update(sessionUpdate="note", chosen=message["params"])
            self.answer(name)
        else:
            error = {"code": -32601, "message": "no such method"}
            write(jsonrpc="2.0", id=name, error=error)

    def answer(self, name: object, **result: object) -> None:
        write(jsonrpc="2.0", id=name, result=result)

    def update(self, **update: object) -> None:
        params = {"sessionId": "s", "update": update}
        write(jsonrpc="2.0", method="session/update", params=params)

    def say(self, text: str) -> None:
        for piece in (text[: len(text) // 2], text[len(text) // 2 :]):
            content = {"type": "text", "text": piece}
            self.update(sessionUpdate="agent_message_chunk", content=content)

    def use(self, tool: str) -> None:
        kind, _, path = tool.removeprefix("ask-").partition(" ")
        call: Json = {"toolCallId": f"t-{tool}", "title": f"run {tool}", "kind": kind}
        if path:
            call["locations"] = [{"path": path}]
        self.update(sessionUpdate="tool_call", status="pending", **call)
        status = "completed"
        if tool.startswith("ask-"):
            params = {"sessionId": "s", "toolCall": call, "options": OPTIONS}
            method = "session/request_permission"
            write(jsonrpc="2.0", id="ask", method=method, params=params)
            while "ask" not in self.replies:
                self.next()
            outcome = self.replies.pop("ask")["outcome"]
            status = "completed" if outcome.get("optionId") == "yes" else "failed"
        call = {"toolCallId": f"t-{tool}", "status": status}
        self.update(sessionUpdate="tool_call_update", **call)

    def question(self) -> str:
        raise NotImplementedError

    def end(self, name: object, reason: str) -> None:
        self.cost += 0.5
        cost = {"amount": self.cost, "currency": "USD"}
        for _ in range(2):
            self.update(sessionUpdate="usage_update", used=1, size=2, cost=cost)
        usage = {"inputTokens": 10, "cachedReadTokens": 5, "outputTokens": 7}
        self.answer(name, stopReason=reason, usage=usage)

    def main(self) -> None:
        self.start()
        while True:
            while not self.later:
                self.next()
            message = self.later.pop(0)
            try:
                self.turn(message["params"]["prompt"][0]["text"])
            except Broken:
                self.end(message["id"], "cancelled")
            except Fails as why:
                error = {"code": why.status, "message": why.words}
                write(jsonrpc="2.0", id=message["id"], error=error)
            else:
                self.end(message["id"], "end_turn")


Acp().main()
