# ActorError
# ├── AskTimeout       no answer in time; the work may still happen
# ├── NeverReplied     the actor handled the request without an answer: its bug
# ├── RequestFailed    the actor failed on this request and goes on as it was; asking
# │                    the same again will most likely fail again
# ├── ActorRestarted   the incarnation that had the request is gone; asking again
# │                    reaches the next one, if the request may be repeated
# ├── ActorStopped     the actor is gone for good; asking again is pointless
# ├── AskCycle         each would wait for the other: the program is wrong
# ├── NoSuchActor      nobody has that name now
# ├── NoRoutees        a router has nobody left; add somebody, and send again
# ├── LinkBroken       a linked actor failed, and took this one along
# └── ChildrenGaveUp   a block inside of the actor gave up: the actor has crashed
#
# One class for each reaction. The failure of the actor, where there is one, is the
# `__cause__`. The facts survive pickle; a cause does not.
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
class RequestFailed(ActorError):
    """The actor raised while it handled the request, and keeps its state.

    Its policy is to resume. `__cause__` is what it raised.
    """

    def __init__(self, actor: str, request: str) -> None:
        super().__init__(actor, request)
        self.actor = actor
        self.request = request

    def __str__(self) -> str:
        return f"actor {self.actor!r} failed at {self.request}, and goes on"


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


@final
class AskCycle(ActorError):
    """The ask would never be answered. The request was not sent.

    *actors* names who would wait for whom, beginning and ending with the same one.
    """

    def __init__(self, actors: tuple[str, ...]) -> None:
        super().__init__(actors)
        self.actors = actors

    def __str__(self) -> str:
        return (
            f"a cycle of asks would hang: {' -> '.join(self.actors)}; let one of them "
            "tell, or ask in pipe_to_self"
        )


@final
class NoRoutees(ActorError):
    """No member of the router's group is alive. The message was not sent."""

    def __init__(self, router: str) -> None:
        super().__init__(router)
        self.router = router

    def __str__(self) -> str:
        return f"router {self.router!r} has no living actor to send to"


@final
class LinkBroken(ActorError):
    """The incarnation of *linked* that this one was linked to has failed.

    That is a crash of *actor*, restarted or escalated like any other. `__cause__` is
    the failure of the other one.
    """

    def __init__(self, actor: str, linked: str) -> None:
        super().__init__(actor, linked)
        self.actor = actor
        self.linked = linked

    def __str__(self) -> str:
        return f"actor {self.actor!r} ends with {self.linked!r}, to which it is linked"


@final
class NoSuchActor(ActorError):
    """No living actor of the block has the name. *nearest* is one that looks like it."""

    def __init__(self, name: str, actors: str, nearest: str | None) -> None:
        super().__init__(name, actors, nearest)
        self.name = name
        self.actors = actors
        self.nearest = nearest

    def __str__(self) -> str:
        hint = "" if self.nearest is None else f" (did you mean {self.nearest!r}?)"
        return f"no actor {self.name!r} lives in {self.actors!r}{hint}"
