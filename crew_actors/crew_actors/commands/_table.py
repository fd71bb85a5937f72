# The actions of a team's user: one table for the command line, and for all that
# follows it.
#
# 1. A handler takes a frozen parameter object and a context, and gives a frozen result
#    object. It prints nothing, asks nothing and knows no command line.
# 2. The table of names is light. What an action needs is loaded when it is asked for:
#    a module `_<name>` of this package holds it as `ACTION`.
"""The table of actions."""

import importlib
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, Generic, Protocol, TypeVar, cast

import attrs

from crew_actors.model import Recorded
from crew_actors.places import Places, Project

P = TypeVar("P")
R = TypeVar("R")

SUMMARIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "run": "Run a team of agents on a goal.",
        "status": "Tell where a run stands, or list the runs.",
        "events": "Tell what happened in a run.",
        "artifacts": "List the files that a run has left.",
        "cancel": "Stop a run that is going on in another process.",
        "list": "List the agents, teams and workflows that can be used here.",
        "show": "Show one agent, team or workflow.",
        "validate": "Check all agents, teams and workflows.",
        "trust": "Allow the commands that this project brings.",
        "doctor": "Check what runs depend on.",
        "census": "List the processes of runtimes, and end the orphans.",
        "stress": "Put agents under stress, and check what is claimed.",
    }
)
"""What each action does, by its name, in the order in which they are told."""


class RunControl(Protocol):
    """What can be done to a run that goes on."""

    def cancel(self, why: str, *, now: bool = False) -> None:
        """Stop the run, gracefully or at once. The first reason counts."""
        ...


class Watcher:
    """Is told of what goes on while an action works. This one heeds nothing."""

    def started(self, run: RunControl) -> None:
        """Take in that a run has been started, which can be stopped by *run*."""

    async def event(self, recorded: Recorded) -> None:
        """Take in the next event of a run. May wait."""

    async def note(self, text: str) -> None:
        """Take in a line for the person. May wait."""


@attrs.frozen(kw_only=True)
class Context:
    """Where an action acts."""

    project: Project
    places: Places
    environ: Mapping[str, str]
    """The environment variables of whoever asks."""

    now: Callable[[], float]
    """Tells the moment in seconds since 1970."""

    watcher: Watcher = attrs.field(factory=Watcher)


def always_well(_: object) -> int:
    """Exit with 0 whatever the result is."""
    return 0


@attrs.frozen(kw_only=True)
class Action(Generic[P, R]):
    """Something that a user can have done."""

    name: str
    parameters: type[P]
    handler: Callable[[P, Context], R] | Callable[[P, Context], Awaitable[R]]
    """Raises `UserError` for everything that its user can mend."""

    text: Callable[[R], str]
    """Writes a result for a person, in lines. What is foreign in it is harmless."""

    exit_code: Callable[[R], int] = always_well

    @property
    def summary(self) -> str:
        """What it does, in one line."""
        return SUMMARIES[self.name]


def load_action(name: str) -> Action[Any, Any]:
    """Load the action called *name*, which must be in `SUMMARIES`."""
    module = importlib.import_module(f"crew_actors.commands._{name}")
    return cast("Action[Any, Any]", module.ACTION)
