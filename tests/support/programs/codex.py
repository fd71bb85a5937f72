"""A scripted Codex: `codex app-server`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.support.programs.script import Broken, Fails, Fake, Json, write

USED = {"inputTokens": 0, "outputTokens": 0}
ALLOW = "item/commandExecution/requestApproval"


class Codex(Fake):
    """Codex."""

    def __init__(self) -> None:
        super().__init__()
        self.later: list[Json] = []
        self.replies: dict[str, Json] = {}
        self.turns = 0
        self.interrupt: Json | None = None
        self.names: dict[str, str] = {}

    def take(self, message: Json) -> None:
        assert "jsonrpc" not in message
        method, name = message.get("method"), message.get("id")
        params = message.get("params", {})
        if method is None:
            self.replies[message["id"]] = message["result"]
        elif method == "thread/start":
            write(id=name, result={"thread": {"id": "thread"}, "asked": params})
        elif method == "turn/start":
            self.turns += 1
            write(id=name, result={"turn": {"id": f"turn-{self.turns}"}})
            self.later.append(params)
        elif method == "turn/steer":
            self.steer(message)
        elif method == "turn/interrupt" and self.working:
            assert params["turnId"] == f"turn-{self.turns}"
            self.interrupt = message
            raise Broken
        elif name is not None:
            write(id=name, result={})

    def steer(self, message: Json) -> None:
        params = message["params"]
        if not self.working or params["expectedTurnId"] != f"turn-{self.turns}":
            error = {"code": -32600, "message": "no active turn"}
            write(id=message["id"], error=error)
            return
        write(id=message["id"], result={"turnId": f"turn-{self.turns}"})
        text = params["input"][0]["text"]
        self.names[text] = params["clientUserMessageId"]
        self.steered.append(text)

    def tell(self, method: str, **params: object) -> None:
        write(method=method, params={"threadId": "thread", **params})

    def item(self, **item: object) -> None:
        self.tell("item/started", item=item)
        self.tell("item/completed", item=item)

    def read(self, text: str) -> None:
        content = [{"type": "text", "text": text}]
        name = self.names.get(text)
        self.item(type="userMessage", id="u", clientId=name, content=content)

    def say(self, text: str) -> None:
        text = text.rstrip("\n")
        self.tell("item/started", item={"type": "agentMessage", "id": "m", "text": ""})
        for piece in (text[: len(text) // 2], text[len(text) // 2 :]):
            self.tell("item/agentMessage/delta", delta=piece)
        done = {"type": "agentMessage", "id": "m", "text": text}
        self.tell("item/completed", item=done)

    def use(self, tool: str) -> None:
        item: Json = {"type": "commandExecution", "id": f"t-{tool}"}
        item["command"] = f"run {tool}"
        self.tell("item/started", item=item)
        status = "completed"
        if tool.startswith("ask-"):
            answer = self.asks(ALLOW, command=f"run {tool}", reason="it must be")
            status = "completed" if answer["decision"] == "accept" else "declined"
        if tool.startswith("mcp-"):
            status = "completed" if self.form(tool) == "accept" else "declined"
        self.tell("item/completed", item={**item, "status": status})

    def form(self, tool: str) -> str:
        fields = {"n": {"type": "string"}} if tool == "mcp-form" else {}
        schema = {"type": "object", "properties": fields}
        answer = self.asks(
            "mcpServer/elicitation/request",
            serverName="box",
            message="Open it?",
            mode="form",
            requestedSchema=schema,
        )
        return str(answer["action"])

    def asks(self, method: str, **params: object) -> Json:
        write(id="ask", method=method, params={"threadId": "thread", **params})
        while "ask" not in self.replies:
            self.next()
        return self.replies.pop("ask")

    def question(self) -> str:
        options = [{"label": "red"}, {"label": "blue"}]
        asked = {"id": "q", "question": "Which colour?", "options": options}
        answer = self.asks("item/tool/requestUserInput", questions=[asked])
        found: list[str] = answer["answers"]["q"]["answers"]
        return found[0] if found else "decide for yourself"

    def retry(self) -> None:
        self.tell("error", error={"message": "529, 1 of 3"}, willRetry=True)

    def used(self) -> None:
        total = {"inputTokens": 15 * self.turns, "outputTokens": 7 * self.turns}
        for _ in range(2):
            self.tell("thread/tokenUsage/updated", tokenUsage={"total": total})

    def end(self, **turn: object) -> None:
        self.used()
        self.tell("turn/completed", turn={"id": f"turn-{self.turns}", **turn})

    def main(self) -> None:
        self.start()
        while True:
            while not self.later:
                self.next()
            params = self.later.pop(0)
            text = params["input"][0]["text"]
            self.names[text] = params.get("clientUserMessageId", "")
            self.tell("turn/started", turn={"id": f"turn-{self.turns}"})
            self.read(text)
            try:
                self.turn(text)
            except Broken:
                assert self.interrupt is not None
                write(id=self.interrupt["id"], result={})
                self.end(status="interrupted", error=None)
            except Fails as why:
                # The provider's words, and its status in a field of their own.
                info = {"httpConnectionFailed": {"httpStatusCode": why.status}}
                error = {"message": why.words, "codexErrorInfo": info}
                self.end(status="failed", error=error)
            else:
                self.end(status="completed", error=None)


if __name__ == "__main__":
    Codex().main()
