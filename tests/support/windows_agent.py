# What programs do in the tests for Windows, scripted by their arguments, which are done
# in order. The standard library only; run by `python -I -S`. The model of Windows in
# `windows_model.py` understands the same words.
"""A program for the tests of process trees on Windows.

`child`          start a child that sleeps
`hold`           the same, and it keeps stdout
`detached`       start a child in a group of its own, without a console
`three`          start a child that starts a child
`orphan`         start a child that starts a child and exits
`breakaway`      start a short child outside of the job; `refused` among the pids: 1 or 0
`ready`          print a line with the pids
`say:text`       print a line
`bytes:count`    print that many bytes and a line end
`echo`           print what comes on stdin, to its end
`ignore-break`   be deaf to CTRL_BREAK
`on-break:text`  print a line and exit with 0 on CTRL_BREAK
`undying`        (the model only) be what no kill can end
`exit:status`, `sleep`, `nap` (half a second)
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

BREAKAWAY = 0x01000000  # CREATE_BREAKAWAY_FROM_JOB
DETACHED = 0x00000008 | 0x00000200  # DETACHED_PROCESS, CREATE_NEW_PROCESS_GROUP


def start(*words: str, flags: int = 0, hold: bool = False) -> dict[str, int]:
    """Start one of us, and return the pids that it tells of."""
    command = [sys.executable, "-I", "-S", __file__, *words]
    out = None if hold else subprocess.PIPE
    options: dict[str, Any] = {"creationflags": flags}  # of Windows' Popen only
    child = subprocess.Popen(  # it is to outlive us
        command,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.DEVNULL,
        **options,
    )
    if child.stdout is None:
        return {"held": child.pid}
    told = json.loads(child.stdout.readline())
    return {**told["pids"], words[0]: told["pid"]}


def leave(text: str) -> None:
    """Say *text* and exit."""
    say(text)
    os._exit(0)


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def take_break(text: str | None) -> None:
    """Exit with *text* on CTRL_BREAK, or never."""
    number = getattr(signal, "SIGBREAK")  # noqa: B009 - Windows only
    if text is None:
        signal.signal(number, signal.SIG_IGN)
    else:

        def answer(number: int, frame: FrameType | None) -> None:
            leave(text)

        signal.signal(number, answer)


def begin(word: str, pids: dict[str, int]) -> bool:
    """Start what *word* names, and add it to *pids*. False when it names nothing."""
    if word == "child":
        pids |= start("ready", "sleep")
    elif word == "hold":
        pids |= start("sleep", hold=True)
    elif word == "detached":
        pids |= start("ready", "sleep", flags=DETACHED)
    elif word == "three":
        pids |= start("child", "ready", "sleep")
    elif word == "orphan":
        pids |= start("child", "ready", "exit:0")
    elif word == "breakaway":
        try:
            pids |= {**start("ready", "nap", flags=BREAKAWAY), "refused": 0}
        except OSError:
            pids["refused"] = 1
    else:
        return False
    return True


def do(word: str, pids: dict[str, int]) -> None:
    """Do what *word* says."""
    name, _, argument = word.partition(":")
    if begin(word, pids):
        return
    if name in ("ready", "say", "bytes", "echo"):
        for line in lines_of(name, argument, pids):
            say(line)
    elif name in ("ignore-break", "on-break"):
        take_break(argument or None)
    elif name in ("sleep", "nap"):
        threading.Event().wait(0.5 if name == "nap" else None)
    elif name == "exit":
        os._exit(int(argument))
    else:
        raise SystemExit(f"unknown word {word!r}")


def lines_of(name: str, argument: str, pids: dict[str, int]) -> Iterator[str]:
    """Yield what the word *name* prints."""
    if name == "ready":
        yield json.dumps({"pid": os.getpid(), "pids": pids})
    elif name == "say":
        yield argument
    elif name == "bytes":
        yield "x" * int(argument)
    else:
        for line in sys.stdin:
            yield line.rstrip("\n")


def main() -> None:
    """Do the words."""
    pids: dict[str, int] = {}
    for word in sys.argv[1:]:
        do(word, pids)


if __name__ == "__main__":
    main()
