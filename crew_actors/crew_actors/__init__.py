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
        KILL as KILL,
        Actor as Actor,
        ActorError as ActorError,
        ActorRestarted as ActorRestarted,
        Actors as Actors,
        ActorStopped as ActorStopped,
        AlreadyAsked as AlreadyAsked,
        AlreadyReplied as AlreadyReplied,
        AskCycle as AskCycle,
        AskTimeout as AskTimeout,
        Backoff as Backoff,
        ChildExists as ChildExists,
        ChildrenGaveUp as ChildrenGaveUp,
        ChildStartFailed as ChildStartFailed,
        DeadLetter as DeadLetter,
        DeadLetters as DeadLetters,
        Exited as Exited,
        Grace as Grace,
        Group as Group,
        Inbox as Inbox,
        LinkBroken as LinkBroken,
        MailboxClosed as MailboxClosed,
        MailboxFull as MailboxFull,
        NeverReplied as NeverReplied,
        NoRoutees as NoRoutees,
        NoSuchActor as NoSuchActor,
        OnCrash as OnCrash,
        OnFailure as OnFailure,
        Priority as Priority,
        Reason as Reason,
        Recipient as Recipient,
        Redeliver as Redeliver,
        Ref as Ref,
        Request as Request,
        RequestFailed as RequestFailed,
        RestartLimitReached as RestartLimitReached,
        Router as Router,
        SpawnOptions as SpawnOptions,
        StashFull as StashFull,
        Terminated as Terminated,
        least_loaded as least_loaded,
        open_actors as open_actors,
        round_robin as round_robin,
    )
    from crew_actors.errors import UserError as UserError
    from crew_actors.runs import Crew as Crew, Run as Run, open_crew as open_crew

_ACTORS = (
    "Actor",
    "ActorError",
    "ActorRestarted",
    "ActorStopped",
    "Actors",
    "AlreadyAsked",
    "AlreadyReplied",
    "AskCycle",
    "AskTimeout",
    "Backoff",
    "ChildExists",
    "ChildStartFailed",
    "ChildrenGaveUp",
    "DeadLetter",
    "DeadLetters",
    "Exited",
    "Grace",
    "Group",
    "Inbox",
    "KILL",
    "LinkBroken",
    "MailboxClosed",
    "MailboxFull",
    "NeverReplied",
    "NoRoutees",
    "NoSuchActor",
    "OnCrash",
    "OnFailure",
    "Priority",
    "Reason",
    "Recipient",
    "Redeliver",
    "Ref",
    "Request",
    "RequestFailed",
    "RestartLimitReached",
    "Router",
    "SpawnOptions",
    "StashFull",
    "Terminated",
    "least_loaded",
    "open_actors",
    "round_robin",
)
_HOMES = dict.fromkeys(_ACTORS, "crew_actors.actors") | {
    "Crew": "crew_actors.runs",
    "Run": "crew_actors.runs",
    "UserError": "crew_actors.errors",
    "open_crew": "crew_actors.runs",
}

__all__ = [
    "KILL",
    "Actor",
    "ActorError",
    "ActorRestarted",
    "ActorStopped",
    "Actors",
    "AlreadyAsked",
    "AlreadyReplied",
    "AskCycle",
    "AskTimeout",
    "Backoff",
    "ChildExists",
    "ChildStartFailed",
    "ChildrenGaveUp",
    "Crew",
    "DeadLetter",
    "DeadLetters",
    "Exited",
    "Grace",
    "Group",
    "Inbox",
    "LinkBroken",
    "MailboxClosed",
    "MailboxFull",
    "NeverReplied",
    "NoRoutees",
    "NoSuchActor",
    "OnCrash",
    "OnFailure",
    "Priority",
    "Reason",
    "Recipient",
    "Redeliver",
    "Ref",
    "Request",
    "RequestFailed",
    "RestartLimitReached",
    "Router",
    "Run",
    "SpawnOptions",
    "StashFull",
    "Terminated",
    "UserError",
    "__version__",
    "least_loaded",
    "open_actors",
    "open_crew",
    "round_robin",
]

if not TYPE_CHECKING:  # so that a checker finds a mistyped name

    def __getattr__(name: str) -> object:
        try:
            home = _HOMES[name]
        except KeyError:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg) from None
        return getattr(importlib.import_module(home), name)
