"""What is no fault of the claim."""

from collections.abc import Iterator
from typing import cast, final

from crew_actors.errors import UserError
from crew_supervisors import SpawnError


@final
class AgentsNotStarted(UserError):
    """The system has refused to start agents. Nothing of them is left."""

    exit_code = 1

    def __init__(self, scenario: str, why: str) -> None:
        super().__init__(scenario, why)
        self.scenario = scenario
        self.why = why

    def __str__(self) -> str:
        return f"stress {self.scenario}: {self.why}; try it with fewer --agents"


@final
class Refused(Exception):
    """Another process was not able to start agents, and has told why."""


def refusal_in(error: BaseException) -> SpawnError | Refused | None:
    """Return why an agent was not started, if that is in *error* or its causes."""
    found = (one for one in leaves_of(error) if isinstance(one, (SpawnError, Refused)))
    return next(found, None)


def first_of(error: BaseException) -> str:
    """Tell the first error that is in *error*, in a line, and what caused it."""
    chain = [f"{type(one).__name__}: {one}".splitlines()[0] for one in leaves_of(error)]
    return "; ".join(chain[:3])


def leaves_of(error: BaseException) -> Iterator[BaseException]:
    """Give out each error that is in *error*, no groups, each before its cause."""
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        for one in group.exceptions:
            yield from leaves_of(one)
    else:
        yield error
    if error.__cause__ is not None:
        yield from leaves_of(error.__cause__)
