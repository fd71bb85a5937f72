# The script of an answer stands in the prompt, so that one server serves any number of
# agents and keeps nothing of them.
#
# 1. The last message of the user that has directives is the script. The n-th turn of the
#    model after it does the n-th step; where there are no more steps, it says `DONE`.
# 2. A step is one directive, or several with `+` between them. Directives that only set
#    something (`delay`, `usage`, `flaky`, `retry-after`) belong to the step after them.
# 3. A prompt may repeat its script, as one does that tells a goal and then a task that
#    quotes it: directives that are the same sequence several times are it once.
# 4. What reads like a directive and is none is said, so that a slip in a test shows.
"""Directives in a prompt."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import attrs

from crew_actors.testing.llm._values import (
    Call,
    Entry,
    Json,
    Piece,
    Step,
    Turn,
    Usage,
    Words,
)

DONE: Final = "Done."
"""What the model says when its script has ended."""

RUN: Final = "run:"
"""Begins the name of a call that the server makes one of the shell that is offered."""

_OPENS: Final = re.compile(r"\[\[(?P<name>[a-z-]+)(?P<more>:)?")
_PIECE: Final = 24  # characters of a piece of text
_BIG_PIECE: Final = 4096
_SETTINGS: Final = frozenset({"delay", "usage", "flaky", "retry-after"})


@attrs.frozen
class _Directive:
    name: str
    text: str
    goes_on: bool
    """Whether it belongs to the step of the one before."""


def next_step(entries: Sequence[Entry]) -> Step:
    """Return what the model is to do after *entries*."""
    for place in range(len(entries) - 1, -1, -1):
        entry = entries[place]
        if isinstance(entry, Words) and (steps := steps_of(entry.text)):
            turns = _turns(entries[place + 1 :])
            return steps[turns] if turns < len(steps) else _say(DONE, Step())
    return _say(DONE, Step())


def steps_of(prompt: str) -> tuple[Step, ...]:
    """Return the steps that the directives in *prompt* tell."""
    steps: list[Step] = []
    waiting = Step()  # with settings for the step to come
    is_set = False
    for directive in _once(list(_directives(prompt))):
        if directive.name in _SETTINGS:
            waiting, is_set = _carried_out(directive, waiting), True
        elif directive.goes_on and steps and not is_set:
            steps[-1] = _carried_out(directive, steps[-1])
        else:
            steps.append(_carried_out(directive, waiting))
            waiting, is_set = Step(), False
    if is_set:
        steps.append(attrs.evolve(waiting, pieces=_pieces(DONE)))
    return tuple(steps)


def _turns(entries: Sequence[Entry]) -> int:
    """Count the turns: what the model said and called, one after the other, is one."""
    return sum(
        isinstance(entry, Turn) and not (place and isinstance(entries[place - 1], Turn))
        for place, entry in enumerate(entries)
    )


def _once(directives: list[_Directive]) -> list[_Directive]:
    """Return the shortest sequence of which *directives* are a repetition."""
    count = len(directives)
    for length in range(1, count // 2 + 1):
        if count % length == 0 and directives == directives[:length] * (
            count // length
        ):
            return directives[:length]
    return directives


def _directives(prompt: str) -> Iterator[_Directive]:
    place = 0
    ended = -1  # where the one before has ended
    while found := _OPENS.search(prompt, place):
        start = found.end()
        end = _end(prompt, start) if found["name"] == "tool" else -1
        if end < 0:
            end = prompt.find("]]", start)
        if end < 0:
            return
        text = prompt[start:end] if found["more"] else ""
        if found["more"] or start == end:
            between = prompt[ended : found.start()].strip() if ended >= 0 else ""
            yield _Directive(found["name"], text, goes_on=between == "+")
            place = ended = end + 2
        else:
            place = start


def _end(prompt: str, start: int) -> int:
    """Return where a call with JSON ends: JSON may itself have `]]` in it."""
    brace = prompt.find("{", start)
    if brace < 0 or "]]" in prompt[start:brace]:
        return -1
    try:
        _, end = json.JSONDecoder(strict=False).raw_decode(prompt, brace)
    except json.JSONDecodeError:
        return -1
    return prompt.find("]]", end)


def _carried_out(directive: _Directive, step: Step) -> Step:
    doing = _DIRECTIVES.get(directive.name)
    try:
        if doing is not None:
            return doing(directive.text, step)
    except ValueError:
        pass  # told in the answer, as one that is not known
    wrong = f"[{directive.name}:{directive.text}] is no directive"
    return attrs.evolve(step, pieces=(*step.pieces, Piece(wrong)))


def _say(text: str, step: Step) -> Step:
    return attrs.evolve(step, pieces=(*step.pieces, *_pieces(text)))


def _pieces(text: str, size: int = _PIECE) -> tuple[Piece, ...]:
    return tuple(Piece(text[at : at + size]) for at in range(0, len(text), size))


def _tool(text: str, step: Step) -> Step:
    name, _, written = text.strip().partition(" ")
    arguments: object = json.loads(written or "{}", strict=False)
    if not isinstance(arguments, dict):
        raise ValueError(written)  # noqa: TRY004  # as all that is not understood
    call = Call(name, _table(arguments))  # pyright: ignore[reportUnknownArgumentType]
    return attrs.evolve(step, calls=(*step.calls, call))


def _table(value: Mapping[object, object]) -> Json:
    return {str(name): item for name, item in value.items()}


def _run(text: str, step: Step) -> Step:
    return attrs.evolve(step, calls=(*step.calls, Call(RUN, {"command": text})))


def _slow(text: str, step: Step) -> Step:
    count, seconds = text.split(":")
    pieces = tuple(Piece(f"part {n + 1} ", float(seconds)) for n in range(int(count)))
    return attrs.evolve(step, pieces=(*step.pieces, *pieces))


def _big(text: str, step: Step) -> Step:
    line = "0123456789abcdef" * 4 + "\n"
    whole = (line * (int(text) // len(line) + 1))[: int(text)]
    return attrs.evolve(step, pieces=(*step.pieces, *_pieces(whole, _BIG_PIECE)))


def _error(text: str, step: Step) -> Step:
    status, _, why = text.partition(":")
    return attrs.evolve(step, status=int(status), why=why or "scripted error")


def _flaky(text: str, step: Step) -> Step:
    status, count = text.split(":")
    return attrs.evolve(step, flaky=(int(status), int(count)))


def _usage(text: str, step: Step) -> Step:
    return attrs.evolve(step, usage=Usage(*(int(part) for part in text.split(":"))))


_DIRECTIVES: Final[Mapping[str, Callable[[str, Step], Step]]] = {
    "say": _say,
    "tool": _tool,
    "run": _run,
    "slow": _slow,
    "big": _big,
    "error": _error,
    "hang": lambda text, step: attrs.evolve(_say(text, step), ends="hangs"),
    "drop": lambda text, step: attrs.evolve(_say(text, step), ends="drops"),
    "length": lambda text, step: attrs.evolve(_say(text, step), stop="length"),
    "refuse": lambda text, step: attrs.evolve(_say(text, step), stop="refused"),
    "delay": lambda text, step: attrs.evolve(step, delay=float(text)),
    "usage": _usage,
    "flaky": _flaky,
    "retry-after": lambda text, step: attrs.evolve(step, retry_after=float(text)),
}
