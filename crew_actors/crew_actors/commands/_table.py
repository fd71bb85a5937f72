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
        "parallel": "Run several goals side by side, each as a run of its own.",
        "plan": "Show what a run would do, step by step; start nothing.",
        "recommend": "Tell which team and which command fit a goal.",
        "status": "Tell where a run stands, or list the runs.",
        "events": "Tell what happened in a run.",
        "artifacts": "List the files that a run has left.",
        "attach": "Watch a run that goes on in another process.",
        "wait": "Wait until a run has ended.",
        "cancel": "Stop a run that goes on elsewhere, or one of its tasks.",
        "resume": "Take up a run that was interrupted or cancelled.",
        "retry": "Do again what failed in a run.",
        "respond": "Answer a question that an agent has asked.",
        "steer": "Tell an agent at work to change its course.",
        "follow-up": "Tell the agent of a task what to do next.",
        "approve": "Agree to a plan: tasks that write may begin.",
        "reject": "Refuse a plan: its run is cancelled.",
        "summary": "Tell what a run has come to.",
        "worktrees": "List the worktrees of a run.",
        "cleanup": "Remove the worktrees of a run.",
        "forget": "Remove a run and all that it has left.",
        "prune": "Remove the oldest runs that have ended.",
        "export": "Put a run into one file.",
        "import": "Take in a run that was exported.",
        "imports": "List the runs that were imported.",
        "diagnose": "Write a report about a run, to be given away.",
        "list": "List the agents, teams and workflows that can be used here.",
        "show": "Show one agent, team or workflow.",
        "create": "Create an agent, a team or a workflow.",
        "update": "Change an agent, a team or a workflow, or its name.",
        "delete": "Delete an agent, a team or a workflow; a backup stays.",
        "validate": "Check all agents, teams and workflows.",
        "init": "Make a place for settings and resources.",
        "config": "Look at settings, and change them.",
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


def _module(name: str) -> str:
    return name.replace("-", "_")


def load_action(name: str) -> Action[Any, Any]:
    """Load the action called *name*, which must be in `SUMMARIES`."""
    module = importlib.import_module(f"crew_actors.commands._{_module(name)}")
    return cast("Action[Any, Any]", module.ACTION)
