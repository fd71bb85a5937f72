# Layers, each standing on those above it:
#
#   _errors     what can go wrong
#   _options    how an actor is spawned
#   _clock      one clock for all asks and timers
#   _ends       how the end of an actor is told
#   _waits      who waits for whose answer
#   _ref        the sending side
#   _groups     actors that come and go; _routers, one address for several
#   _cell       what lasts over restarts
#   _links      actors that die together
#   _own        what one incarnation has: _timers, _watches, _pipes
#   _inbox      the receiving side, and actors as classes
#   _bodies     what the supervisor runs
#   _actors     the block that actors live in
#
# It stands on crew_mailbox (messages) and crew_supervisors (lives), and passes on what
# its users need of them. The door of crew_actors has the same names.
"""Actors: supervised tasks with a mailbox, reached by typed refs."""

from crew_actors.actors._actors import Actors as Actors, open_actors as open_actors
from crew_actors.actors._ends import Exited as Exited, Terminated as Terminated
from crew_actors.actors._errors import (
    ActorError as ActorError,
    ActorRestarted as ActorRestarted,
    ActorStopped as ActorStopped,
    AskCycle as AskCycle,
    AskTimeout as AskTimeout,
    ChildrenGaveUp as ChildrenGaveUp,
    LinkBroken as LinkBroken,
    NeverReplied as NeverReplied,
    NoRoutees as NoRoutees,
    NoSuchActor as NoSuchActor,
    RequestFailed as RequestFailed,
)
from crew_actors.actors._groups import Group as Group
from crew_actors.actors._inbox import Actor as Actor, Inbox as Inbox
from crew_actors.actors._options import (
    OnCrash as OnCrash,
    Redeliver as Redeliver,
    SpawnOptions as SpawnOptions,
)
from crew_actors.actors._ref import Ref as Ref
from crew_actors.actors._routers import (
    Recipient as Recipient,
    Router as Router,
    least_loaded as least_loaded,
    round_robin as round_robin,
)
from crew_mailbox import (
    AlreadyAsked as AlreadyAsked,
    AlreadyReplied as AlreadyReplied,
    DeadLetter as DeadLetter,
    DeadLetters as DeadLetters,
    MailboxClosed as MailboxClosed,
    MailboxFull as MailboxFull,
    Priority as Priority,
    Reason as Reason,
    Request as Request,
    StashFull as StashFull,
)
from crew_supervisors import (
    KILL as KILL,
    Backoff as Backoff,
    ChildExists as ChildExists,
    ChildStartFailed as ChildStartFailed,
    Grace as Grace,
    OnFailure as OnFailure,
    RestartLimitReached as RestartLimitReached,
)
