"""Scripted programs that know nothing but one prompt: `old.py NAME …`.

In their own protocols they end with an error. `old.py refusing-codex` has an app-server
that does not know what a thread is.
"""

import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.support.programs.claude import Claude
from tests.support.programs.pi import Pi
from tests.support.programs.script import Fails, Fake, write


class OldClaude(Claude):
    """Claude Code: `claude -p --output-format stream-json`."""

    def once(self, prompt: str) -> None:
        try:
            self.result(self.turn(prompt))
        except Fails as why:
            self.result(why.words, is_error=True, api_error_status=why.status)


class OldPi(Pi):
    """pi: `pi --mode json -p`."""

    def once(self, prompt: str) -> None:
        write(type="session", version=1)
        write(type="agent_start")
        self.read(prompt)
        try:
            self.message(self.turn(prompt), stopReason="stop")
        except Fails as why:
            self.message("", stopReason="error", errorMessage=why.words)
        write(type="agent_end", messages=[])


class OldCodex(Fake):
    """Codex: `codex exec --json`."""

    def item(self, when: str, **item: object) -> None:
        write(type=f"item.{when}", item=item)

    def say(self, text: str) -> None:
        self.item("completed", id="m", type="agent_message", text=text)

    def use(self, tool: str) -> None:
        item = {"type": "command_execution", "command": f"run {tool}"}
        self.item("started", id=tool, **item)
        self.item("completed", id=tool, **item, status="completed", exit_code=0)

    def retry(self) -> None:
        write(type="error", message="Reconnecting... 1/5 (529)")

    def once(self, prompt: str) -> None:
        write(type="thread.started", thread_id="t")
        write(type="turn.started")
        try:
            self.turn(prompt)
        except Fails as why:
            write(type="error", message=why.words)
            write(type="turn.failed", error={"message": why.words})
            sys.exit(1)
        write(type="turn.completed", usage={"input_tokens": 15, "output_tokens": 7})


KINDS: dict[str, type[OldClaude] | type[OldPi] | type[OldCodex]] = {
    "claude": OldClaude,
    "pi": OldPi,
    "codex": OldCodex,
}
OWN = {"claude": "--input-format", "pi": "rpc", "codex": "app-server"}
"""By which a program knows that it is to speak its protocol."""


def refuse() -> None:
    """Answer a handshake, and know nothing of what follows."""
    for line in sys.stdin:
        told = json.loads(line)
        if told.get("method") == "initialize":
            write(id=told["id"], result={})
        elif "id" in told:
            write(id=told["id"], error={"code": -32600, "message": "Invalid request"})


def main() -> None:
    _, kind, *arguments = sys.argv
    refuses, _, name = kind.rpartition("-")
    if OWN[name] in arguments:
        if refuses == "refusing":
            refuse()
            return
        if refuses == "dying":
            os.kill(os.getpid(), signal.SIGKILL)
        sys.exit("error: unknown option\nlook at --help")
    KINDS[name]().once(sys.stdin.read())


main()
