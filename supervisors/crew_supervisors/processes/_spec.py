# What to start is data: a spec can be checked, stored and shown before anything
# runs. `problems()` says everything that is wrong at once.
#
# The environment is built, never inherited whole: essentials by name, and what
# the owner of the agent adds. A variable that nobody named does not travel.
"""The description of a process: what, where, with which limits."""

import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, Literal, get_args

import attrs

MARKER: Final = "CREW_MARKER"
"""The variable that tells whose process it is. Set for each process."""

ESSENTIALS: Final[tuple[str, ...]] = (
    *("PATH", "HOME", "LANG", "LANGUAGE", "LC_*", "TMPDIR", "USER", "LOGNAME"),
    *("SHELL", "TERM", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"),
    *("XDG_RUNTIME_DIR", "XDG_CONFIG_DIRS", "XDG_DATA_DIRS"),
    # Windows: without SYSTEMROOT not even a socket can be opened there
    *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "TEMP", "TMP"),
    *("USERPROFILE", "USERNAME", "HOMEDRIVE", "HOMEPATH", "APPDATA", "LOCALAPPDATA"),
    *("PROGRAMDATA", "PROGRAMFILES", "PROGRAMFILES(X86)", "COMMONPROGRAMFILES"),
    *("NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE"),
)
"""Names, or patterns ending in `*`, of variables that programs cannot do without."""

Containment = Literal[
    "best", "required:cgroup", "required:warden", "required:job", "group"
]
StreamMode = Literal["lines", "tail"]
StdinMode = Literal["null", "pipe"]
Errors = Literal["replace", "backslashreplace", "surrogateescape"]


@attrs.frozen(kw_only=True)
class EnvPolicy:
    """Which environment variables a process gets."""

    inherit: tuple[str, ...] = ESSENTIALS
    """Names taken from the runtime's environment; a trailing `*` matches any rest."""
    extra: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """Variables set for this process. They win over inherited ones."""

    def build(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the environment for a process of a runtime with *environ*."""
        names = frozenset(self.inherit)
        prefixes = tuple(name[:-1] for name in names if name.endswith("*"))
        kept = {
            name: value
            for name, value in environ.items()
            if name in names or name.startswith(prefixes)
        }
        return {**kept, **self.extra}

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with it."""
        for pattern in self.inherit:
            if "*" in pattern[:-1] or pattern in ("", "*"):
                yield f"env.inherit: {pattern!r} must be a name, or a prefix with a trailing '*'"
        for name, value in self.extra.items():
            if not name or "=" in name:
                yield f"env.extra: {name!r} must be a name without '='"
            if why := unfit(name + value):
                yield f"env.extra: {name!r} or its value {why}"
        if MARKER in self.extra:
            yield f"env.extra: {MARKER} is set for each process; leave it out"


def unfit(text: str) -> str | None:
    """Return why the system cannot take *text*; None when it can.

    NUL parts the fields of a job, so it must get no further than here.
    """
    if "\0" in text:
        return "must not contain a NUL character"
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return "has a character that the system cannot encode (a lone surrogate?)"
    return None


@attrs.frozen
class Rung:
    """One polite step of a stop ladder, which has *grace* seconds to make it exit.

    It sends a signal, or it speaks to stdin: a message, its end, or both. A program that
    does not read its stdin gets no extra time for it. A rung with nothing only waits.
    """

    signal: str = ""
    """The name of a signal; none when empty."""
    grace: float = 5.0
    send: bytes = attrs.field(default=b"", kw_only=True)
    """What to write to stdin, as the agent's protocol has it. Waits for other senders;
    that it did not arrive is in `StopReport.unsent`."""
    close_stdin: bool = attrs.field(default=False, kw_only=True)
    """Close stdin. Who sends just then gets `StdinClosed`."""

    @property
    def speaks(self) -> bool:
        """Whether it does something to stdin."""
        return self.close_stdin or bool(self.send)

    def problems(self, stdin: StdinMode) -> Iterator[str]:
        """Yield what is wrong with it for a program with that *stdin*."""
        if self.signal and self.signal not in SIGNALS:
            yield f"ladder: {self.signal!r} must be one of {', '.join(sorted(SIGNALS))}"
        if not (math.isfinite(self.grace) and self.grace >= 0):
            yield f"ladder: grace {self.grace!r} must be seconds, 0 or more"
        if self.speaks and stdin != "pipe":
            yield 'ladder: a rung that speaks to stdin needs stdin="pipe"'
        if self.speaks and self.signal:
            yield "ladder: give what goes to stdin and the signal a rung each"


LADDER: Final = (Rung("SIGTERM", 5.0),)
"""Five seconds, as in OTP's default shutdown of a worker. SIGKILL always follows."""

SIGNALS: Final = frozenset(
    {"SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2"}
)


@attrs.frozen(kw_only=True)
class ProcessSpec:
    """One process to start. Sizes are bytes, times are seconds."""

    name: str
    argv: tuple[str, ...]
    """The program and its arguments. Never a shell line."""
    cwd: Path | None = None
    """The folder it starts in; the runtime's own when None."""
    env: EnvPolicy = attrs.field(factory=EnvPolicy)
    stdin: StdinMode = "null"
    """`pipe` only for programs that read it: an open, unused pipe makes some wait."""
    stdout: StreamMode = "lines"
    """`lines`: read it by `ChildProcess.lines()`, or the program waits at its full
    pipe. `tail`: read at once, and only the end of it is kept."""
    stderr: StreamMode = "tail"
    max_line: int = 1 << 20
    """Longest line delivered whole. A longer one comes as a `CutLine`, its beginning."""
    overflow: Path | None = None
    """The folder where lines longer than `max_line` are written whole, one file each;
    it is made when it is needed. None: the rest of such a line is dropped and counted."""
    overflow_limit: int = 1 << 28
    """Bytes that the files of one stream may have together. A line that would go beyond
    is in no file; its rest is dropped and counted."""
    errors: Errors = "replace"
    """What becomes of bytes that are not UTF-8, as in `bytes.decode`: U+FFFD; `\\xff`;
    or lone surrogates, from which `text.encode(errors="surrogateescape")` gives the
    bytes back. They are counted."""
    buffer: int = 1 << 18
    """Bytes of lines that may wait for a slow reader before the process has to. One
    read more, and the line in it, may overshoot."""
    tail: int = 65536
    """How much of the end of each stream is kept."""
    ladder: tuple[Rung, ...] = LADDER
    """Polite steps of a stop. SIGKILL of the whole tree always comes last."""
    containment: Containment = "best"
    """`best`: a warden where there is one, with a cgroup where one is delegated; else
    the group. On Windows a Job Object, else the chain of parents. `required:…`: refuse
    to start without. `group`: session (or chain), snapshot and marker only."""
    cgroup: Path | None = None
    """The delegated cgroup (v2) below which the process gets one of its own; the
    runtime's own cgroup when None."""
    startup: float | None = None
    """Longest time until the first output."""
    silence: float | None = None
    """Longest time between two outputs. Waiting for a slow reader is no silence."""
    wall: float | None = None
    """Longest time from start to exit."""
    drain: float = 1.0
    """How long output is awaited that others hold open when the program has exited."""

    def problems(self) -> tuple[str, ...]:
        """Return everything that is wrong, each as `field: what, and the way out`."""
        return tuple(_problems(self))


def _problems(spec: ProcessSpec) -> Iterator[str]:
    if not spec.name.strip():
        yield "name: must not be empty"
    if not spec.argv or not spec.argv[0]:
        yield "argv: must begin with the program to run"
    texts = [("argv", part) for part in spec.argv] + [
        ("cwd", str(spec.cwd or "")),
        ("cgroup", str(spec.cgroup or "")),
    ]
    for field, text in texts:
        if why := unfit(text):
            yield f"{field}: {text[:80]!r} {why}"
    yield from spec.env.problems()
    yield from _choice_problems(spec)
    for rung in spec.ladder:
        yield from rung.problems(spec.stdin)


def _choice_problems(spec: ProcessSpec) -> Iterator[str]:
    for field, allowed in _CHOICES.items():
        if getattr(spec, field) not in allowed:
            yield f"{field}: {getattr(spec, field)!r} must be one of {', '.join(allowed)}"
    for field, (fits, wanted) in _NUMBERS.items():
        value = getattr(spec, field)
        if value is not None and not (math.isfinite(value) and fits(value)):
            yield f"{field}: {value!r} must be {wanted}"


_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "stdin": get_args(StdinMode),
    "stdout": get_args(StreamMode),
    "stderr": get_args(StreamMode),
    "errors": get_args(Errors),
    "containment": get_args(Containment),
}
_NUMBERS: Final[dict[str, tuple[Callable[[float], bool], str]]] = {
    "max_line": (lambda value: value >= 1, "bytes, 1 or more"),
    "overflow_limit": (lambda value: value >= 0, "bytes, 0 or more"),
    "buffer": (lambda value: value >= 1, "bytes, 1 or more"),
    "tail": (lambda value: value >= 0, "bytes, 0 or more"),
    "startup": (lambda value: value > 0, "seconds above 0, or None"),
    "silence": (lambda value: value > 0, "seconds above 0, or None"),
    "wall": (lambda value: value > 0, "seconds above 0, or None"),
    "drain": (lambda value: value >= 0, "seconds, 0 or more"),
}
