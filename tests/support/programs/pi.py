"""A scripted pi: `pi --mode rpc`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.support.programs.script import Broken, Fails, Fake, Json, write


class Pi(Fake):
    """pi."""

    def __init__(self) -> None:
        super().__init__()
        self.later: list[str] = []
        self.replies: dict[str, Json] = {}
        self.abort: str | None = None

    def take(self, message: Json) -> None:
        kind, name = message["type"], message.get("id")
        if kind == "extension_ui_response":
            self.replies[message["id"]] = message
        elif kind == "prompt":
            write(id=name, type="response", command=kind, success=True)
            steers = message.get("streamingBehavior") == "steer"
            if self.working and steers:
                self.steered.append(message["message"])
            else:
                self.later.append(message["message"])
        elif kind == "get_state":
            write(id=name, type="response", command=kind, success=True, data={})
        elif kind == "abort":
            if self.working:
                self.abort = message["id"]
                raise Broken
            write(id=name, type="response", command=kind, success=True)
        else:
            write(id=name, type="response", command=kind, success=False, error="no")

    def read(self, text: str) -> None:
        message = {"role": "user", "content": [{"type": "text", "text": text}]}
        write(type="message_start", message=message)
        write(type="message_end", message=message)

    def say(self, text: str) -> None:
        text = text.rstrip("\n")
        for piece in (text[: len(text) // 2], text[len(text) // 2 :]):
            event = {"type": "text_delta", "delta": piece}
            write(type="message_update", assistantMessageEvent=event)
        write(type="message_update", assistantMessageEvent={"type": "text_end"})

    def use(self, tool: str) -> None:
        name = f"t-{tool}"
        given = {"command": f"run {tool}"}
        start = {"toolCallId": name, "toolName": tool, "args": given}
        write(type="tool_execution_start", **start)
        why = ""
        if tool.startswith("ask-"):
            asked = {"title": f"{tool}: run {tool}", "message": ""}
            answer = self.dialog("confirm", **asked)
            why = "" if answer.get("confirmed") else "The people said no"
        result = {"content": [{"type": "text", "text": why}]}
        end = {"toolCallId": name, "result": result, "isError": bool(why)}
        write(type="tool_execution_end", **end)

    def dialog(self, method: str, **fields: object) -> Json:
        write(type="extension_ui_request", id="d", method=method, **fields)
        while "d" not in self.replies:
            self.next()
        return self.replies.pop("d")

    def question(self) -> str:
        options = {"title": "Which colour?", "options": ["red", "blue"]}
        return str(self.dialog("select", **options).get("value", "decide for yourself"))

    def retry(self) -> None:
        tried = {"attempt": 1, "maxAttempts": 3, "errorMessage": "529"}
        write(type="auto_retry_start", **tried)

    def message(self, text: str, **fields: object) -> None:
        cost = {"total": 0.5}
        usage = {"input": 10, "cacheRead": 5, "output": 7, "cost": cost}
        content = [{"type": "text", "text": text}]
        message = {"role": "assistant", "content": content, "usage": usage, **fields}
        write(type="message_end", message=message)
        write(type="turn_end", message=message)

    def main(self) -> None:
        self.start()
        while True:
            while not self.later:
                self.next()
            text = self.later.pop(0)
            write(type="agent_start")
            self.read(text)
            try:
                self.message(self.turn(text), stopReason="stop")
            except Broken:
                self.message("", stopReason="aborted", errorMessage="aborted streaming")
            except Fails as why:
                self.message("", stopReason="error", errorMessage=why.words)
            if self.later and self.abort is None:
                continue
            write(type="agent_end", messages=[], willRetry=False)
            write(type="agent_settled")
            if self.abort is not None:
                done = {"type": "response", "command": "abort", "success": True}
                write(id=self.abort, **done)
                self.abort = None


if __name__ == "__main__":
    Pi().main()
