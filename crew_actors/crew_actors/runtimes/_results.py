# A result is a text. Where it holds data as well, that is found here, and held against
# what the task asks for.
#
# An agent is heard generously: the text may be JSON as a whole, or have it behind the
# last marker `RESULT:`, or in its last fence of JSON. What is found is data of somebody
# else, and never more than that.
"""Find the data in a result, and judge its form."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from crew_actors.model import Failure, FailureKind, PlannedTask, mismatches, read_schema
from crew_actors.runtimes._outcome import Completed, Failed, Outcome

TEXT_LIMIT: Final = 1 << 20
"""Characters of a result in which data is looked for."""

_DATA_LIMIT: Final = 256  # levels of data; what is deeper is none

_MARKER: Final = re.compile(r"^[ \t*#]*RESULT:[ \t*]*", re.MULTILINE)
_FENCE: Final = re.compile(r"`{3,}|~{3,}")


def find_data(text: str) -> object:
    """Find the JSON object or array in a result; None if there is none.

    Never raises. NaN and infinite numbers are no JSON.
    """
    if len(text) > TEXT_LIMIT:
        return None
    for candidate in _candidates(text):
        found = _parsed(candidate)
        if found is not None:
            return found
    return None


def _candidates(text: str) -> Iterator[str]:
    yield text.strip()
    markers = list(_MARKER.finditer(text))
    if markers:
        behind = text[markers[-1].end() :].strip()
        yield behind
        yield from _fences(behind)
        yield behind.partition("\n")[0].strip()
    yield from _fences(text)


def _fences(text: str) -> Iterator[str]:
    """Find what stands in fences of JSON, the last one first. Takes linear time."""
    found: list[str] = []
    inside: list[str] = []
    fence, is_json = "", False
    for line in text.split("\n"):
        row = line.strip()
        if not fence:
            opening = _FENCE.match(row)
            if opening is not None:
                fence = opening[0]
                is_json = row.removeprefix(fence).strip() == "json"
                inside = []
        elif row.startswith(fence) and not row.strip(fence[0]):
            fence = ""
            if is_json:
                found.append("\n".join(inside).strip())
        else:
            inside.append(line)
    yield from reversed(found)


def _parsed(text: str) -> object:
    if text[:1] not in {"{", "["}:
        return None
    try:
        found: Any = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return found if _is_flat(found) else None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _is_flat(value: object) -> bool:
    """Tell whether *value* is not so deep that others would fail of it."""
    level: list[object] = [value]
    for _ in range(_DATA_LIMIT):
        below: list[object] = []
        for one in level:
            if isinstance(one, dict):
                below += one.values()  # pyright: ignore[reportUnknownArgumentType] - any value
            elif isinstance(one, list):
                below += one  # pyright: ignore[reportUnknownArgumentType] - any value
        if not below:
            return True
        level = below
    return False


def wrong_with(task: PlannedTask, text: str, data: object = None) -> str | None:
    """Tell what is wrong with the form of a result; None if nothing is.

    *data* are those that the agent gave beside its text, if it did.
    """
    if task.output_schema is None:
        return None
    if data is None:
        data = find_data(text)
    if data is None:
        return "it holds no JSON object or array"
    problems = mismatches(data, read_schema(task.output_schema))
    return "; ".join(problems) or None


def judged(task: PlannedTask, outcome: Outcome) -> Outcome:
    """Add the data to a result, and hold it against what its task asks for."""
    if not isinstance(outcome, Completed):
        return outcome
    data = outcome.data if outcome.data is not None else find_data(outcome.text)
    wrong = wrong_with(task, outcome.text, data)
    if wrong is None:
        return Completed(text=outcome.text, data=data)
    message = f"its result has not the form that was asked for: {wrong}"
    return Failed(failure=Failure(kind=FailureKind.INVALID, message=message))


def form_of(task: PlannedTask) -> str | None:
    """Tell an agent which form its result is to have; None if any will do."""
    if task.output_schema is None:
        return None
    return (
        "End your last message with your result as JSON, between a line ```json and a "
        f"line ```. It must fit this JSON schema:\n\n```json\n{task.output_schema}\n```"
    )


def please_mend(task: PlannedTask, text: str) -> str | None:
    """Ask an agent to put its result right; None if there is nothing to mend."""
    wrong = wrong_with(task, text)
    if wrong is None:
        return None
    return (
        f"Your result does not have the form that was asked for: {wrong}. Do no more "
        "work. Say your result again as JSON, between a line ```json and a line ```, "
        f"so that it fits this JSON schema:\n\n```json\n{task.output_schema}\n```"
    )
