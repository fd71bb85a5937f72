# ConsoleUnreachable   nobody is there, or not any more; later may help
# ConsoleRefused       the server says no; the same again is refused again
# AnswerLost           nobody knows whether it was done: look before it is tried again
# BadAddress           nothing was sent
"""What can go wrong for a client of a console."""

from typing import final

from crew_actors.errors import UserError


@final
class ConsoleUnreachable(UserError):
    """There is no connection to the console. What was asked for was not done."""

    exit_code = 1

    def __init__(self, url: str, why: str) -> None:
        super().__init__(url, why)
        self.url = url
        self.why = why

    def __str__(self) -> str:
        return f"the console {self.url} cannot be reached: {self.why}"


@final
class ConsoleRefused(UserError):
    """The console does not do what was asked for."""

    def __init__(
        self,
        message: str,
        kind: str = "",
        exit_code: int = 1,
        code: int = 0,
        problems: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, kind, exit_code, code, problems)
        self.message = message
        self.kind = kind
        """The name of the error, if it is one of an action."""
        self.exit_code = exit_code
        """What the command of that action exits with."""
        self.code = code
        """Of JSON-RPC, or that which the connection was closed with."""
        self.problems = problems
        """What is wrong with the parameters."""

    def __str__(self) -> str:
        return self.message


@final
class AnswerLost(UserError):
    """The connection was lost before the answer came; it may have been done."""

    exit_code = 1

    def __init__(self, method: str) -> None:
        super().__init__(method)
        self.method = method

    def __str__(self) -> str:
        return (
            f"{self.method}: the connection was lost before the answer came, and it may "
            "have been done; look before you try again"
        )


@final
class BadAddress(UserError):
    """That is no address of a console, or it tells no token."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return self.problem
