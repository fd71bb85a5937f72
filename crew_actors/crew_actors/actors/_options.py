"""How an actor is spawned, as keywords."""

from typing import Literal, TypeAlias, TypedDict, cast, final

import attrs

from crew_mailbox import OnFull
from crew_supervisors import Backoff, OnFailure, RestartType, StopPolicy


@final
@attrs.frozen
class Redeliver:
    """Policy: a message at which an incarnation failed is read again by the next one.

    After *times* more deliveries, all failed, it becomes a dead letter with the reason
    `POISONED`, which tells how often it was delivered. The asker of a request waits on,
    within its time. A request that was answered before the failure is not read again.
    """

    times: int = attrs.field(validator=attrs.validators.ge(1))


OnCrash: TypeAlias = Literal["dead_letter", "resume"] | Redeliver
"""What becomes of the message at which the actor fails, and of the actor's state.

`dead_letter`: the message is given up, and the actor restarted. `resume`: the message
is given up, and the actor, which must be a class, goes on as if nothing had happened.
"""


class SpawnOptions(TypedDict, total=False):
    """The keywords of `Actors.spawn`, which says what they mean."""

    name: str | None
    capacity: int
    on_full: OnFull
    restart: RestartType
    stop: StopPolicy
    backoff: Backoff | None
    on_crash: OnCrash
    on_failure: tuple[OnFailure, ...]


def answer_to(
    rules: tuple[OnFailure, ...], error: BaseException
) -> Literal["restart", "stop", "escalate"] | None:
    """Return what *rules* say about *error*, as the supervisor does.

    The first rule that matches answers for each error of a group; the strictest answer
    counts. None leaves it to the restart type.
    """
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        answers = [answer_to(rules, each) for each in group.exceptions]
    else:
        matching = (rule.then for rule in rules if isinstance(error, rule.errors))
        answers = [next(matching, None)]
    if "escalate" in answers:
        return "escalate"
    if "stop" in answers:
        return "stop"
    return "restart" if "restart" in answers else None


def check_on_failure(rules: object) -> None:
    """Refuse rules that an actor cannot have; the supervisor checks the rest.

    An incarnation that ends must know whether another one follows. A rule that counts
    its restarts leaves that open.

    Raises:
      ValueError: it says what is wrong.
    """
    if isinstance(rules, tuple):
        for rule in cast("tuple[object, ...]", rules):
            if isinstance(rule, OnFailure) and rule.max_restarts is not None:
                text = (
                    f"on_failure has a rule with max_restarts={rule.max_restarts}: "
                    "limit the restarts of actors with open_actors(max_restarts=...)"
                )
                raise ValueError(text)


def check_on_crash(on_crash: object, *, is_class: bool) -> None:
    """Refuse a policy that is none, or that this kind of actor cannot have.

    Raises:
      ValueError: it says what is wrong.
    """
    if isinstance(on_crash, Redeliver) or on_crash == "dead_letter":
        return
    if on_crash != "resume":
        text = (
            f"on_crash is {on_crash!r}: it must be dead_letter, resume or a Redeliver"
        )
        raise ValueError(text)
    if not is_class:
        text = (
            "on_crash is 'resume': the state of a function is gone when it raises; "
            "write the actor as a class, or catch the error inside of the function"
        )
        raise ValueError(text)
