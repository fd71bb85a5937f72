"""What scripted agent programs do, whatever they speak: directives in the prompt.

`[[say:TEXT]]` `[[tool:NAME]]` (asks for leave first if its name begins with `ask-`)
`[[slow:N:SECONDS]]` `[[hang]]` `[[fail:STATUS]]` `[[retry]]` `[[exit:CODE]]` `[[close]]`
`[[raw:LINE]]` `[[flood:BYTES]]` `[[echo-env:NAME]]` `[[argv]]` `[[question]]`.
Without any, the program says that it is done.
"""

import json
import os
import queue
import re
import sys
import threading
import time
from typing import Any

DIRECTIVE = re.compile(r"\[\[([a-z-]+)(?::(.*?))?\]\]", re.DOTALL)

Json = dict[str, Any]


class Broken(Exception):
    """The turn was interrupted."""


class Fails(Exception):
    """The provider of the model fails."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status
        self.words = f"API Error: {status} no such thing"


def write(**message: object) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def steps(prompt: str) -> list[tuple[str, str]]:
    """Return the directives of a prompt, once each."""
    found: list[tuple[str, str]] = DIRECTIVE.findall(prompt)
    return list(dict.fromkeys(found)) or [("say", "done")]


class Fake:
    """A program; what it speaks is told by those that inherit from it."""

    def __init__(self) -> None:
        self.lines: queue.Queue[Json | None] = queue.Queue()
        self.steered: list[str] = []
        self.working = False

    # --- what each of them says in its own way ---

    def take(self, message: Json) -> None:
        """Take in a message; raise Broken if it interrupts the turn."""
        raise NotImplementedError

    def say(self, text: str) -> None:
        raise NotImplementedError

    def use(self, tool: str) -> None:
        raise NotImplementedError

    def question(self) -> str:
        raise NotImplementedError

    def read(self, text: str) -> None:
        """Tell that a message has been read, where that was not told before."""

    def retry(self) -> None:
        """Tell that it tries again."""

    # --- what is the same for all ---

    def read_input(self) -> None:
        for line in sys.stdin:
            self.lines.put(json.loads(line))
        self.lines.put(None)

    def start(self) -> None:
        threading.Thread(target=self.read_input, daemon=True).start()

    def next(self, seconds: float | None = None) -> bool:
        """Take in the next message; False if there is none in time."""
        try:
            message = self.lines.get(timeout=seconds)
        except queue.Empty:
            return False
        if message is None:
            os._exit(0)
        self.take(message)
        return True

    def wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.next(left)

    def turn(self, prompt: str) -> str:
        """Do what a prompt says, and what is said meanwhile; return the last words."""
        self.working = True
        text = ""
        try:
            for kind, given in steps(prompt):
                self.wait(0.01)
                text = self.step(kind, given) or text
            while self.steered:
                message = self.steered.pop(0)
                self.read(message)
                for kind, given in steps(message):
                    text = self.step(kind, given) or text
        finally:
            self.working = False
        return text

    def step(self, kind: str, given: str) -> str | None:
        name = kind.replace("-", "_")
        does = getattr(self, f"do_{name}", None)
        if does is not None:
            words: str | None = does(given)
            return words
        text = self.words_of(kind, given)
        self.say(text)
        return text

    def words_of(self, kind: str, given: str) -> str:
        if kind == "echo-env":
            return f"{given}={os.environ.get(given, '')}"
        if kind == "argv":
            return json.dumps(sys.argv[1:])
        assert kind == "say", kind
        return given

    def do_exit(self, given: str) -> None:
        sys.stderr.write("it went wrong here\n")
        sys.stderr.flush()
        os._exit(int(given))

    def do_close(self, given: str) -> None:
        os.close(1)
        time.sleep(60)

    def do_raw(self, given: str) -> None:
        sys.stdout.write(given + "\n")
        sys.stdout.flush()

    def do_flood(self, given: str) -> None:
        self.do_raw("x" * int(given))

    def do_tool(self, given: str) -> None:
        self.use(given)

    def do_hang(self, given: str) -> None:
        self.say("hanging\n")
        self.wait(60)

    def do_slow(self, given: str) -> None:
        number, _, seconds = given.partition(":")
        for one in range(int(number)):
            self.say(f"word {one}\n")
            self.wait(float(seconds))

    def do_retry(self, given: str) -> None:
        self.retry()

    def do_fail(self, given: str) -> None:
        raise Fails(int(given))

    def do_question(self, given: str) -> str:
        text = self.question()
        self.say(text)
        return text
