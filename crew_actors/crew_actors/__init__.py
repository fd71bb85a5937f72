# The stack, from below:
#
#   crew_mailbox       bounded mailboxes, requests, dead letters
#   crew_supervisors   supervisors, heartbeats, processes
#   crew_actors
#     model            pure: plans, events, states, decisions
#     actors           refs and inboxes        journal     what is on disk
#     resources        agents, teams, trust    survey      the built-in survey
#     runtimes         how one agent runs
#     runs             run, task and agent actors
#     commands, cli    what a person can do
#
# The names of this door are imported when they are first used: `crew --help` needs
# none of them.
"""Teams of AI agents as supervised actors on trio."""

import importlib
from typing import TYPE_CHECKING

from crew_actors._version import __version__ as __version__

if TYPE_CHECKING:
    from crew_actors.actors import (
        Actor as Actor,
        Inbox as Inbox,
        Ref as Ref,
        open_actors as open_actors,
    )
    from crew_actors.errors import UserError as UserError
    from crew_actors.runs import Crew as Crew, Run as Run, open_crew as open_crew

_HOMES = {
    "Actor": "crew_actors.actors",
    "Crew": "crew_actors.runs",
    "Inbox": "crew_actors.actors",
    "Ref": "crew_actors.actors",
    "Run": "crew_actors.runs",
    "UserError": "crew_actors.errors",
    "open_actors": "crew_actors.actors",
    "open_crew": "crew_actors.runs",
}

__all__ = [
    "Actor",
    "Crew",
    "Inbox",
    "Ref",
    "Run",
    "UserError",
    "__version__",
    "open_actors",
    "open_crew",
]

if not TYPE_CHECKING:  # so that a checker finds a mistyped name

    def __getattr__(name: str) -> object:
        try:
            home = _HOMES[name]
        except KeyError:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg) from None
        return getattr(importlib.import_module(home), name)
