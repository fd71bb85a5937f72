# A stand-in for an agent, scripted by its arguments, which are done in order:
#
#   python -m crew_stress.fake_agent ignore-term tree:daemon ready lines:100 sleep
#   python -m crew_stress.fake_agent as:stubborn
#
# It uses the standard library only and runs by itself, also with `python -I -S`.
# `ready` prints the pids of all that it started, so that a test knows the real tree.
# POSIX only: it forks.
"""A program that does what agents do, the bad things too.

Run it with `help`. `argv` returns the command line of one for your own tests.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

assert sys.platform != "win32"  # it forks

PERSONAS: Final[dict[str, tuple[str, ...]]] = {
    "polite": ("ready", "sleep"),
    "chatty": ("ready", "chat:10"),
    "silent": ("sleep",),
    "flood": ("ready", "pour"),
    "stubborn": ("ignore-term", "ready", "sleep"),
    "forks": ("tree:three", "ready", "sleep"),
    "session": ("tree:session", "ready", "sleep"),
    "daemonises": ("tree:daemon", "ready", "sleep"),
    "hides": ("tree:bare-daemon", "ready", "sleep"),
    "leaves": ("tree:child:hold", "ready", "exit:0"),
    "stubborn-tree": ("ignore-term", "tree:three", "ready", "sleep"),
    "breeds": ("storm:4", "ready", "sleep"),
    "utf8": ("split:über — 猫 🐈", "exit:0"),
    "long-line": ("huge:10485760", "exit:0"),
    "environment": ("env", "exit:0"),
    "deaf": ("ready", "sleep"),
    "events": (
        *("event:progress:reading", "event:progress:writing"),
        *("event:result:all is well", "exit:0"),
    ),
    "crashes": ("ready", "err:it is broken", "die:SIGSEGV"),
    "fails": ("ready", "err:it did not work", "exit:1"),
}
"""What an agent of that kind does, by the name of the kind."""

started: Final[dict[str, int]] = {}
actions: Final[dict[str, Callable[[str], None]]] = {}
shapes: Final[dict[str, Callable[["Report"], None]]] = {}


class Report:
    """How a descendant tells the leader that it is there."""

    def __init__(self, pipe: int, *, hold: bool) -> None:
        self.pipe = pipe
        self.hold = hold
        """Keep the leader's stdout open, instead of letting it go."""

    def settle(self, role: str) -> NoReturn:
        """Tell who I am, then wait to be killed."""
        os.write(self.pipe, f"{role} {os.getpid()}\n".encode())
        os.close(self.pipe)
        if not self.hold:
            let_go_of_output()
        while True:
            signal.pause()


def let_go_of_output() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nothing, fd)
    os.close(nothing)


def action(function: Callable[[str], None]) -> Callable[[str], None]:
    actions[function.__name__.strip("_").replace("_", "-")] = function
    return function


def shape(function: Callable[[Report], None]) -> Callable[[Report], None]:
    shapes[function.__name__.replace("_", "-")] = function
    return function


def write(data: bytes, fd: int = 1) -> None:
    while data:
        data = data[os.write(fd, data) :]


def say_json(**fields: object) -> None:
    write(json.dumps(fields).encode() + b"\n")


# What it says


@action
def say(text: str) -> None:
    """Print TEXT."""
    write(text.encode() + b"\n")


@action
def err(text: str) -> None:
    """Print TEXT to stderr."""
    write(text.encode() + b"\n", 2)


@action
def event(text: str) -> None:
    """Print {"type": TYPE, "text": TEXT} for TYPE:TEXT."""
    kind, _, rest = text.partition(":")
    say_json(type=kind, text=rest)


@action
def env(_: str) -> None:
    """Print the environment as JSON."""
    say_json(type="env", env=dict(os.environ))


@action
def fds(_: str) -> None:
    """Print the numbers of the open files as JSON."""
    here = "/proc/self/fd"
    numbers = [int(name) for name in os.listdir(here)]  # noqa: PTH208 - numbers only
    say_json(type="fds", fds=[fd for fd in numbers if is_open(fd)])


def is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


@action
def lines(count: str) -> None:
    """Print N numbered lines."""
    write(b"".join(b"line %d\n" % number for number in range(int(count))))


@action
def flood(size: str) -> None:
    """Print N bytes of numbered lines of 64 bytes."""
    for first in range(0, int(size) // 64, 1024):
        block = range(first, min(first + 1024, int(size) // 64))
        write(b"".join(b"%063d\n" % number for number in block))


@action
def pour(_: str) -> None:
    """Print numbered lines of 64 bytes without end."""
    first = 0
    while True:
        write(b"".join(b"%063d\n" % number for number in range(first, first + 1024)))
        first += 1024


@action
def err_pour(_: str) -> None:
    """Fork a child that prints to stderr without end."""
    if os.fork() == 0:
        while True:
            write(b"e" * 4095 + b"\n", 2)


@action
def chat(pause: str) -> None:
    """Print a numbered line every N milliseconds without end."""
    number = 0
    while True:
        say(f"line {number}")
        number += 1
        time.sleep(float(pause) / 1000)


@action
def err_flood(size: str) -> None:
    """Print N bytes to stderr."""
    for _ in range(int(size) // 4096):
        write(b"e" * 4095 + b"\n", 2)


@action
def huge(size: str) -> None:
    """Print one line of N bytes."""
    write(b"h" * int(size) + b"\n")


@action
def raw(digits: str) -> None:
    """Write the bytes of HEX."""
    write(bytes.fromhex(digits))


@action
def split(text: str) -> None:
    """Print TEXT in UTF-8, each byte by a write of its own."""
    for byte in text.encode() + b"\n":
        write(bytes([byte]))


# What it does


@action
def ready(_: str) -> None:
    """Print {"type": "ready", "pid": …, "pids": {role: pid}}."""
    say_json(type="ready", pid=os.getpid(), pids=started)


@action
def mark(path: str) -> None:
    """Append the id of the attempt that it makes to the file PATH."""
    line = os.environ["CREW_ATTEMPT"].encode() + b"\n"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    write(line, fd)
    os.close(fd)


@action
def leave(name: str) -> None:
    """Leave a file NAME as an artifact."""
    path = os.path.join(os.environ["CREW_OUTPUT"], name)  # noqa: PTH118 - starts slowly
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    write(os.environ["CREW_ATTEMPT"].encode() * 1000, fd)
    os.close(fd)
    say_json(type="artifact", name=name, path=name)


@action
def ask(text: str) -> None:
    """Ask TEXT, and wait for the answer; say of messages that they were received."""
    say_json(type="question", text=text)
    for line in sys.stdin:
        heard = json.loads(line)
        if heard["type"] == "answer":
            return
        say_json(type="received", id=heard.get("id", ""))


@action
def ignore_term(_: str) -> None:
    """Ignore SIGTERM, SIGINT and SIGHUP; what is forked later does so too."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


@action
def on_term(text: str) -> None:
    """At SIGTERM print TEXT and exit with 0."""

    def leave(*_: object) -> None:
        say(text)
        os._exit(0)

    signal.signal(signal.SIGTERM, leave)


@action
def suspend(_: str) -> None:
    """Stop itself with SIGSTOP."""
    os.kill(os.getpid(), signal.SIGSTOP)


@action
def echo(_: str) -> None:
    """Print each line of stdin until its end."""
    for line in sys.stdin:
        say(line.rstrip("\n"))


@action
def close_stdin(_: str) -> None:
    """Close stdin."""
    os.close(0)


@action
def close_output(_: str) -> None:
    """Close stdout and stderr, and live on."""
    os.close(1)
    os.close(2)


@action
def sleep(seconds: str) -> None:
    """Sleep N seconds; an hour without N."""
    time.sleep(float(seconds or 3600))


@action
def storm(count: str) -> None:
    """Fork N children that go on forking as long as they live, never more than N."""
    for _ in range(int(count)):
        if os.fork() == 0:
            while True:
                if os.fork() != 0:
                    os._exit(0)  # the child goes on in a process of its own
                time.sleep(0.001)


@action
def die(name: str) -> None:
    """Kill itself by the signal NAME."""
    os.kill(os.getpid(), signal.Signals[name])


@action
def _exit(status: str) -> None:
    """Exit with N at once."""
    os._exit(int(status))


@action
def _as(name: str) -> None:
    """Be an agent of the kind NAME."""
    perform(PERSONAS[name])


@action
def _help(_: str) -> None:
    """Print this."""
    for name, function in sorted(actions.items()):
        say(f"{name:14} {function.__doc__}")
    say(f"shapes of tree: {', '.join(shapes)}")
    say("kinds of agent:")
    for name, script in PERSONAS.items():
        say(f"{name:14} {' '.join(script)}")


@action
def tree(words: str) -> None:
    """Start descendants: SHAPE, or SHAPE:hold if they keep stdout open."""
    name, _, hold = words.partition(":")
    seen, tell = os.pipe()
    shapes[name](Report(tell, hold=hold == "hold"))
    os.close(tell)
    told = b""
    while piece := os.read(seen, 4096):
        told += piece
    os.close(seen)
    for line in told.decode().splitlines():
        role, pid = line.split()
        started[role] = int(pid)


@shape
def alone(report: Report) -> None:
    """Have no descendant."""


@shape
def shell(report: Report) -> None:
    """Have a shell that waits for a sleep."""
    if os.fork() == 0:
        os.dup2(report.pipe, 3)
        if not report.hold:
            let_go_of_output()
        script = 'sleep 3600 3>&- & echo "shell $$" >&3; echo "sleep $!" >&3; exec 3>&-; wait'
        os.execv("/bin/sh", ["sh", "-c", script])  # noqa: S606 - it is the point


@shape
def three(report: Report) -> None:
    """Have a child that has a child."""
    if os.fork() == 0:
        if os.fork() == 0:
            report.settle("grandchild")
        report.settle("child")


@shape
def session(report: Report) -> None:
    """Have a grandchild in a session of its own."""
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
            report.settle("grandchild")
        report.settle("child")


@shape
def orphan(report: Report) -> None:
    """Have a grandchild whose parent has exited."""
    middle = os.fork()
    if middle == 0:
        if os.fork() == 0:
            report.settle("orphan")
        os._exit(0)
    os.waitpid(middle, 0)


@shape
def daemon(report: Report) -> None:
    """Have a daemon: forked twice, in a session of its own."""
    middle = os.fork()
    if middle == 0:
        os.setsid()
        if os.fork() == 0:
            report.settle("daemon")
        os._exit(0)
    os.waitpid(middle, 0)


@shape
def bare_daemon(report: Report) -> None:
    """Have a daemon that has cleared its environment."""
    middle = os.fork()
    if middle == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(report.pipe, f"daemon {os.getpid()}\n".encode())
            let_go_of_output()
            os.execve("/bin/sleep", ["sleep", "3600"], {})  # noqa: S606 - it is the point
        os._exit(0)
    os.waitpid(middle, 0)


@shape
def child(report: Report) -> None:
    """Have one child in the same group."""
    if os.fork() == 0:
        report.settle("child")


def argv(*script: str) -> tuple[str, ...]:
    """Return the command line of a fake agent that does *script*.

    It starts in some 15 ms, as it loads nothing but the standard library.
    """
    return (sys.executable, "-I", "-S", __file__, *script)


def perform(script: Sequence[str]) -> None:
    """Do what *script* says, in order."""
    for step in script:
        name, _, argument = step.partition(":")
        actions[name](argument)


def main(script: Sequence[str]) -> int:
    """Do what the arguments say; 2 if one of them says nothing that is known."""
    if "--help" in script or "-h" in script:
        script = ["help"]
    for step in script:
        name, _, argument = step.partition(":")
        known = PERSONAS if name == "as" else shapes if name == "tree" else actions
        word = argument.partition(":")[0] if name in {"as", "tree"} else name
        if word not in known:
            say_error(f"{step}: there is no {word!r}, but {', '.join(sorted(known))}")
            return 2
    perform(script or ["help"])
    return 0


def say_error(text: str) -> None:
    write(f"fake agent: {text}\n".encode(), 2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
