# Layers, each standing on those above it:
#
#   _errors     what can go wrong
#   _deadlines  one clock for all asks
#   _ref        the sending side
#   _inbox      the receiving side, and actors as classes
#   _cell       what lasts over restarts; the bodies that the supervisor runs
#   _actors     the block that actors live in
#
# It stands on crew_mailbox (messages) and crew_supervisors (lives).
"""Actors: supervised tasks with a mailbox, reached by typed refs."""

from crew_actors.actors._actors import Actors as Actors, open_actors as open_actors
from crew_actors.actors._errors import (
    ActorError as ActorError,
    ActorRestarted as ActorRestarted,
    ActorStopped as ActorStopped,
    AskTimeout as AskTimeout,
    ChildrenGaveUp as ChildrenGaveUp,
    NeverReplied as NeverReplied,
)
from crew_actors.actors._inbox import Actor as Actor, Inbox as Inbox
from crew_actors.actors._ref import Ref as Ref
from crew_mailbox import (
    AlreadyAsked as AlreadyAsked,
    AlreadyReplied as AlreadyReplied,
    MailboxClosed as MailboxClosed,
    MailboxFull as MailboxFull,
    Request as Request,
)
