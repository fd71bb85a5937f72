# The protocol of command agents, seen from the agent.
#
# 1. Each line on stdout is one JSON object, in ASCII: no file name can break it.
# 2. A line is at most LINE_LIMIT bytes, below the runtime's limit of 1 MiB. A result
#    that is larger loses the ends of its longest lists first, and says so.
# 3. No message leaves, and no result of another agent is read, with a text in it that
#    has the form of a secret: both ways it is masked.
# 4. Artifacts are written only into CREW_OUTPUT. Without it they are skipped.
"""What an agent is told, and how it answers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO, cast

import attrs

from crew_actors.survey._data import Json, View
from crew_actors.survey._shown import one_line, safe_data
from crew_actors.survey._text import clip

LINE_LIMIT = 900_000
_INPUTS_LIMIT = 64 << 20


class BadInputs(Exception):
    """The file that CREW_INPUTS names cannot be read; the agent cannot work."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"CREW_INPUTS: cannot read {self.path!r}: {self.problem}"


@attrs.frozen
class Inputs:
    """What the agent was asked and what the agents before it found."""

    goal: str = ""
    dependencies: tuple[tuple[str, View], ...] = ()
    """Pairs of a step's id and its result, sorted by id."""


def read_inputs(environ: Mapping[str, str]) -> Inputs:
    """Read the file that `CREW_INPUTS` names; without the variable, nothing.

    Raises:
      BadInputs: the file is missing, too large (64 MiB) or no JSON object.
    """
    name = environ.get("CREW_INPUTS")
    if not name:
        return Inputs()
    try:
        with Path(name).open("rb") as file:
            raw = file.read(_INPUTS_LIMIT + 1)
        if len(raw) > _INPUTS_LIMIT:
            raise BadInputs(name, f"it is larger than {_INPUTS_LIMIT} bytes")
        value = cast("Json", json.loads(raw))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInputs(name, f"{type(error).__name__}: {error}") from error
    if not isinstance(value, dict):
        raise BadInputs(name, "it is no JSON object")
    view = View(safe_data(value))
    found = sorted(view.pairs("dependencies"), key=lambda pair: pair[0])
    return Inputs(goal=view.text("goal"), dependencies=tuple(found))


@attrs.define
class Port:
    """The agent's way out: lines on *out*, files in *output*."""

    out: TextIO
    output: Path | None = None
    inputs: Inputs = Inputs()

    def progress(self, text: str) -> None:
        """Say how far the agent is."""
        self._say({"type": "progress", "text": one_line(text, 500)})

    def failure(self, message: str) -> None:
        """Say why there is no result."""
        self._say({"type": "failure", "message": one_line(message, 2000)})

    def artifact(self, name: str, content: str) -> bool:
        """Write a file *name* and announce it. Tell whether that was done.

        Raises:
          OSError: it could not be written; it was not announced.
        """
        if self.output is None:
            self.progress(f"{name} is skipped: CREW_OUTPUT is not set")
            return False
        path = self.output / name
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.write(content)
        self._say({"type": "artifact", "name": name, "path": name})
        return True

    def result(self, text: str, data: dict[str, Json]) -> None:
        """Give the result: *text* for people, *data* for the agents that follow."""
        self._say(fitted(text, safe_data(data)))

    def _say(self, message: dict[str, Json]) -> None:
        self.out.write(json.dumps(message, ensure_ascii=True) + "\n")
        self.out.flush()


def fitted(
    text: str, data: dict[str, Json], limit: int = LINE_LIMIT
) -> dict[str, Json]:
    """Return the result message in at most *limit* bytes (at least 10,000).

    The lists in *data* are halved until it fits; `"cut"` is then the length that no
    list exceeds. What is still too long loses its data, then the end of its text.
    """
    message: dict[str, Json] = {"type": "result", "text": text, "data": data}
    keep = 512
    while len(json.dumps(message)) > limit and keep:
        keep //= 2
        shorter = _shortened(data, keep)
        assert isinstance(shorter, dict)
        message = {"type": "result", "text": text, "data": {**shorter, "cut": keep}}
    if len(json.dumps(message)) > limit:
        text = clip(text, (limit - 1000) // 6)  # a character is at most \uXXXX
        message = {"type": "result", "text": text, "data": {"cut": 0}}
    return message


def _shortened(value: Json, keep: int) -> Json:
    if isinstance(value, list):
        return [_shortened(item, keep) for item in value[:keep]]
    if isinstance(value, dict):
        return {key: _shortened(item, keep) for key, item in value.items()}
    return value
