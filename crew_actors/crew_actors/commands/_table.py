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
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, Protocol, TypeVar, cast

import attrs

from crew_actors.model import Recorded
from crew_actors.places import Places, Project

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from crew_actors.runs import Crew

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
        "task": "Tell all that is known of one task.",
        "output": "Show what the program of a task has written.",
        "messages": "List what was said between people and agents.",
        "diff": "Show what the tasks of a run have changed.",
        "artifacts": "List the files that a run has left.",
        "attach": "Watch a run that goes on in another process.",
        "wait": "Wait until a run has ended.",
        "cancel": "Stop a run that goes on elsewhere, or one of its tasks.",
        "resume": "Take up a run that was interrupted or cancelled.",
        "retry": "Do again what failed in a run.",
        "restart": "Stop the agent of a task at work, and begin the task anew.",
        "respond": "Answer a question that an agent has asked.",
        "steer": "Tell an agent at work to change its course.",
        "interrupt": "Break off what an agent does; it goes on with something else.",
        "follow-up": "Tell the agent of a task what to do next.",
        "send": "Tell the agent of a task something.",
        "nudge": "Ask an agent at work for a sign of progress.",
        "claim": "Take a task that is done outside, or go on with it.",
        "release": "Give back a task that was claimed.",
        "transition": "Tell how a claimed task has ended.",
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
        "repair": "Save what can be read of a damaged run.",
        "list": "List agents, teams, workflows and skills that can be used here.",
        "show": "Show one agent, team, workflow or skill.",
        "create": "Create an agent, a team or a workflow.",
        "update": "Change an agent, a team or a workflow, or its name.",
        "delete": "Delete an agent, a team or a workflow; a backup stays.",
        "validate": "Check all agents, teams and workflows.",
        "init": "Make a place for settings and resources.",
        "config": "Look at settings, and change them.",
        "trust": "Allow the commands that this project brings.",
        "doctor": "Check what runs depend on.",
        "census": "List the processes of runtimes, and end the orphans.",
        "serve": "Open a console: watch and steer runs in a browser.",
        "console": "Watch and steer the runs of a console in a terminal.",
        "stress": "Put agents under stress, and check what is claimed.",
    }
)
"""What each action does, by its name, in the order in which they are told."""

ROLES: Final[Mapping[str, Literal["viewer", "operator"]]] = MappingProxyType(
    {
        "run": "operator",
        "parallel": "operator",
        "plan": "viewer",
        "recommend": "viewer",
        "status": "viewer",
        "task": "viewer",
        "output": "viewer",
        "messages": "viewer",
        "diff": "viewer",
        "artifacts": "viewer",
        "wait": "viewer",
        "cancel": "operator",
        "resume": "operator",
        "retry": "operator",
        "restart": "operator",
        "respond": "operator",
        "steer": "operator",
        "interrupt": "operator",
        "follow-up": "operator",
        "send": "operator",
        "nudge": "operator",
        "claim": "operator",
        "release": "operator",
        "transition": "operator",
        "approve": "operator",
        "reject": "operator",
        "summary": "viewer",
        "worktrees": "viewer",
        "cleanup": "operator",
        "forget": "operator",
        "prune": "operator",
        "export": "operator",
        "import": "operator",
        "imports": "viewer",
        "diagnose": "operator",
        "repair": "operator",
        "list": "viewer",
        "show": "viewer",
        "create": "operator",
        "update": "operator",
        "delete": "operator",
        "validate": "viewer",
        "config": "operator",
        "trust": "operator",
        "doctor": "operator",
        "census": "operator",
    }
)
"""Who may ask a console for an action: viewers for what only looks. The others are for a
command line only; what happens in a run is subscribed to."""

_HOMES: Final = {
    "serve": "crew_actors.console.serve_action",
    "console": "crew_actors.console.console_action",
}
"""Modules of actions that stand above this package."""


class RunControl(Protocol):
    """What can be done to a run that goes on."""

    def cancel(self, why: str, *, now: bool = False) -> None:
        """Stop the run, gracefully or at once. The first reason counts."""
        ...


class Watcher:
    """Is told of what goes on while an action works. This one heeds nothing."""

    def started(self, run: RunControl) -> None:
        """Take in that a run has been started, which can be stopped by *run*."""

    def leaves(self, parting: str) -> None:
        """Take in what to say to a user who ends the action: what goes on."""

    async def event(self, recorded: Recorded) -> None:
        """Take in the next event of a run. May wait."""

    async def note(self, text: str) -> None:
        """Take in a line for the person. May wait."""

    async def result(self, value: object, text: str) -> None:
        """Take in one of several results, and the lines that tell it. May wait."""


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

    crew: "Crew | None" = None
    """The crew that runs are to be of, if they are in its project."""

    console: "Callable[[Crew, Context], AbstractAsyncContextManager[str]] | None" = None
    """Opens a console for a crew, and gives its address; None where there is no way."""


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
    own = f"crew_actors.commands._{_module(name)}"
    module = importlib.import_module(_HOMES.get(name, own))
    return cast("Action[Any, Any]", module.ACTION)
