"""What can be wrong around an action."""

from typing import final

from crew_actors.errors import UserError


@final
class NoFolder(UserError):
    """The folder in which the command was called is gone. Nothing was done."""

    def __str__(self) -> str:
        return "the current folder does not exist any more; change to another one"


@final
class NoOutput(UserError):
    """The output could not be written. What was to be done, is done."""

    exit_code = 1

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return f"the output cannot be written: {self.why}"
