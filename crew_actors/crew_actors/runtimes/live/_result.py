# How a live agent gives its result: by a tool, so that it is a result beyond doubt, or
# by a last answer that uses no tool.
"""The tool for results."""

from pathlib import Path
from typing import Any, Final, final

import attrs
import msgspec

from crew_actors.model import PlannedTask, read_schema
from crew_actors.runtimes._results import wrong_with
from crew_actors.runtimes.live._tool import Arguments, Tool, ToolFailed, text, tool

SUBMIT: Final = "submit_result"


@final
@attrs.define(eq=False)
class Submission:
    """What one agent has submitted."""

    _task: PlannedTask = attrs.field(alias="task")
    _output: Path = attrs.field(alias="output")
    text: str = attrs.field(default="", init=False)
    data: object = attrs.field(default=None, init=False)

    def forget(self) -> None:
        """Let it be as if nothing was submitted."""
        self.text, self.data = "", None

    def tool(self) -> Tool:
        """Make the tool."""
        schema = self._task.output_schema
        data: dict[str, Any] = {"description": "the result as data, if it has any"}
        if schema is not None:
            data = {**read_schema(schema), "description": "the result as data"}
        summary = text("the result in words, all that others are to know")
        required = {"summary": summary}
        return tool(
            SUBMIT,
            "Give the result of your task, when all of it is done. Nothing comes after.",
            self._submit,
            required=required if schema is None else {**required, "data": data},
            optional={"data": data} if schema is None else None,
        )

    async def _submit(self, given: Arguments) -> str:
        summary: str = given["summary"]
        if not summary.strip():
            raise ToolFailed("the summary is empty: say what your result is")
        data = given.get("data")
        told = summary if data is None else msgspec.json.encode(data).decode()
        wrong = wrong_with(self._task, told, data)
        if wrong is not None:
            raise ToolFailed(f"the data has not the form that was asked for: {wrong}")
        self.text, self.data = summary, data
        return "taken"
