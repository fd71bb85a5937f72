"""A scripted Claude Code: `claude -p --input-format stream-json …`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.support.programs.script import Broken, Fails, Fake, Json, write


class Claude(Fake):
    """Claude Code."""

    def __init__(self) -> None:
        super().__init__()
        self.later: list[Json] = []
        self.replies: dict[str, Json] = {}
        self.cost = 0.0

    def take(self, message: Json) -> None:
        if message["type"] == "control_response":
            response = message["response"]
            self.replies[response["request_id"]] = response
        elif message["type"] == "control_request":
            self.control(message["request_id"], message["request"]["subtype"])
        elif message["type"] == "user":
            if self.working and message.get("priority") != "later":
                self.replay(message)
                self.steered.append(message["message"]["content"][0]["text"])
            else:
                self.later.append(message)

    def control(self, name: str, kind: str) -> None:
        response: Json = {"subtype": "success", "request_id": name, "response": {}}
        if kind not in {"initialize", "interrupt"}:
            response = {"subtype": "error", "request_id": name, "error": f"no {kind}"}
        write(type="control_response", response=response)
        if kind == "interrupt" and self.working:
            raise Broken

    def replay(self, message: Json) -> None:
        told = {"message": message["message"], "uuid": message["uuid"]}
        write(type="user", isReplay=True, **told)

    def say(self, text: str) -> None:
        text = text.rstrip("\n")
        self.event({"type": "message_start", "message": {"usage": {"output": 1}}})
        for piece in (text[: len(text) // 2], text[len(text) // 2 :]):
            delta = {"type": "text_delta", "text": piece}
            self.event({"type": "content_block_delta", "delta": delta})
        content = [{"type": "text", "text": text}]
        write(type="assistant", message={"content": content}, parent_tool_use_id=None)
        self.event({"type": "content_block_stop"})

    def event(self, event: Json) -> None:
        write(type="stream_event", event=event, parent_tool_use_id=None)

    def permitted(self, tool: str, given: Json) -> Json:
        name = f"ask {tool}"
        request = {"subtype": "can_use_tool", "tool_name": tool, "input": given}
        write(type="control_request", request_id=name, request=request)
        while name not in self.replies:
            self.next()
        answer: Json = self.replies.pop(name)["response"]
        return answer

    def use(self, tool: str) -> None:
        given = {"command": f"run {tool}"}
        block = {"type": "tool_use", "id": f"t-{tool}", "name": tool, "input": given}
        write(type="assistant", message={"content": [block]}, parent_tool_use_id=None)
        why = ""
        if tool.startswith("ask-"):
            answer = self.permitted(tool, given)
            why = "" if answer["behavior"] == "allow" else answer["message"]
        result = {
            "type": "tool_result",
            "tool_use_id": f"t-{tool}",
            "content": why or "fine",
            "is_error": bool(why),
        }
        write(type="user", message={"content": [result]}, parent_tool_use_id=None)

    def question(self) -> str:
        options = [{"label": "red"}, {"label": "blue"}]
        asked = {"questions": [{"question": "Which colour?", "options": options}]}
        answer = self.permitted("AskUserQuestion", asked)
        return str(answer.get("updatedInput", {}).get("answers", answer))

    def retry(self) -> None:
        tried = {"attempt": 1, "max_retries": 10, "error_status": 529}
        write(type="system", subtype="api_retry", **tried)

    def result(self, text: str, **fields: object) -> None:
        self.cost += 0.5
        usage = {
            "input_tokens": 10,
            "cache_read_input_tokens": 3,
            "cache_creation_input_tokens": 2,
            "output_tokens": 7,
        }
        told = {"subtype": "success", "is_error": False, "result": text, **fields}
        write(type="result", usage=usage, total_cost_usd=self.cost, **told)

    def main(self) -> None:
        self.start()
        while True:
            while not self.later:
                self.next()
            message = self.later.pop(0)
            self.replay(message)
            try:
                self.result(self.turn(message["message"]["content"][0]["text"]))
            except Broken:
                fields = {"subtype": "error_during_execution", "is_error": True}
                self.result("", terminal_reason="aborted_streaming", **fields)
            except Fails as why:
                self.result(why.words, is_error=True, api_error_status=why.status)


if __name__ == "__main__":
    Claude().main()
