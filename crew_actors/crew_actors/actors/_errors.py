# ActorError
# ├── AskTimeout       no answer in time; the work may still happen
# ├── NeverReplied     the actor handled the request without an answer: its bug
# ├── ActorRestarted   the incarnation that had the request is gone; asking again
# │                    reaches the next one, if the request may be repeated
# ├── ActorStopped     the actor is gone for good; asking again is pointless
# └── ChildrenGaveUp   a block inside of the actor gave up: the actor has crashed
#
# One class for each reaction; all but the last are what an ask raises. The failure of the actor, where there is
# one, is the `__cause__`. The facts survive pickle; a cause does not.
"""What can go wrong with actors."""

from typing import final


class ActorError(Exception):
    """The base of all errors of this package."""


@final
class AskTimeout(ActorError):
    """No answer came within *timeout* seconds.

    The actor may have handled the request, may do so later, or never: an answer that
    comes now is a dead letter.
    """

    def __init__(self, actor: str, request: str, timeout: float) -> None:
        super().__init__(actor, request, timeout)
        self.actor = actor
        self.request = request
        self.timeout = timeout

    def __str__(self) -> str:
        return (
            f"actor {self.actor!r} did not answer {self.request} "
            f"within {self.timeout:g} s"
        )


@final
class NeverReplied(ActorError):
    """The actor took its next message, or ended, without an answer to the request.

    An actor that answers later must call `Request.defer` while it has the request.
    """

    def __init__(self, actor: str, request: str) -> None:
        super().__init__(actor, request)
        self.actor = actor
        self.request = request

    def __str__(self) -> str:
        return (
            f"actor {self.actor!r} handled {self.request} without a reply: "
            "reply, fail or defer it"
        )


@final
class ActorRestarted(ActorError):
    """The incarnation that had taken the request ended before it answered."""

    def __init__(self, actor: str, incarnation: int) -> None:
        super().__init__(actor, incarnation)
        self.actor = actor
        self.incarnation = incarnation

    def __str__(self) -> str:
        return (
            f"incarnation {self.incarnation} of actor {self.actor!r} ended "
            "before it answered"
        )


@final
class ActorStopped(ActorError):
    """The actor has ended for good, or is about to, and gives no answer."""

    def __init__(self, actor: str) -> None:
        super().__init__(actor)
        self.actor = actor

    def __str__(self) -> str:
        return f"actor {self.actor!r} has stopped"


@final
class ChildrenGaveUp(ActorError):
    """In the body of *actor*, actors or children could not be restarted any more.

    That is a crash of the actor, restarted or escalated like any other. `__cause__` is
    what the block inside raised.
    """

    def __init__(self, actor: str) -> None:
        super().__init__(actor)
        self.actor = actor

    def __str__(self) -> str:
        return f"the children inside of actor {self.actor!r} failed too often"
