"""What events hold: failures, usage, artifacts, questions, messages."""

from enum import Enum
from typing import Literal, TypeAlias

import attrs


class FailureKind(Enum):
    """Why an attempt failed, as far as a reaction depends on it."""

    START = "start"
    """The agent could not be started. Trying again changes nothing."""
    EXIT = "exit"
    """The agent ended with an error."""
    KILLED = "killed"
    """The system ended the agent, for want of memory perhaps."""
    TIMEOUT = "timeout"
    """One of the deadlines fired; the message names it."""
    REPORTED = "reported"
    """The agent itself said that it failed. It would say so again."""
    STORAGE = "storage"
    """What the agent left could not be stored. Trying again changes nothing."""
    CRASH = "crash"
    """Code in this process failed: ours, which is a defect, or that of an agent."""
    RATE_LIMIT = "rate_limit"
    """The provider of the model wants fewer requests. Later it may work."""
    OVERLOADED = "overloaded"
    """The provider of the model has no room. Later it may work."""
    AUTH = "auth"
    """The provider does not accept the key. Only its owner can mend that."""
    BILLING = "billing"
    """The account at the provider is used up. Only its owner can mend that."""
    CONTEXT = "context"
    """The model cannot hold what it was given. It would not the next time."""
    INVALID = "invalid"
    """The result has not the form that was asked for. The next may have it."""


@attrs.frozen(kw_only=True)
class Failure:
    """What went wrong in an attempt."""

    kind: FailureKind
    message: str
    detail: str = ""
    """The last of what the agent wrote to its error stream."""
    retried: bool = False
    """Whether its agent has tried the same again by itself before it gave up."""


@attrs.frozen(kw_only=True)
class Usage:
    """What an agent used up. Counted once for each report."""

    input: int = 0
    output: int = 0
    cost: float = 0.0
    """In the currency that the agent reports, US dollars with most."""

    def plus(self, other: "Usage") -> "Usage":
        """Add two usages."""
        return Usage(
            input=self.input + other.input,
            output=self.output + other.output,
            cost=self.cost + other.cost,
        )


@attrs.frozen(kw_only=True)
class Artifact:
    """A file that an attempt left. It is complete and never changes."""

    name: str
    path: str
    """Relative to the folder of the run, with '/' between its parts."""
    size: int
    """Bytes, as stored."""
    sha256: str
    """Of the bytes as stored."""


@attrs.frozen(kw_only=True)
class Question:
    """Something that an agent wants to know from the people around it."""

    id: str
    text: str
    choices: tuple[str, ...] = ()
    """What can be answered; anything, if it is empty."""
    asked_at: float
    """Seconds since 1970."""
    deadline: float
    """Seconds since 1970. The agent goes on without an answer then."""
    permission: bool = False
    """Whether the agent asks for leave to do something."""


@attrs.frozen(kw_only=True)
class Answer:
    """A question of an earlier moment, with what was answered."""

    question: str
    """Its text."""
    answer: str
    by: str


@attrs.frozen(kw_only=True)
class Claim:
    """Somebody outside has taken a task, and does it until they say otherwise."""

    owner: str
    token_sha256: str
    """Of the token that they were told. The token itself is kept nowhere."""

    until: float
    """Seconds since 1970: the attempt fails then, unless they say that they are on."""


MessageKind: TypeAlias = Literal["steer", "follow_up", "message", "interrupt"]
"""To change what goes on now; to be done next; to be known; to break off what goes on
and be done in its place."""

MessageOutcome: TypeAlias = Literal["delivered", "queued", "rejected"]
"""The agent has it; it waits for the agent; the agent will never have it."""


@attrs.frozen(kw_only=True)
class Message:
    """Something that somebody tells the agent of a task."""

    id: str
    kind: MessageKind
    text: str
    by: str


BudgetKind: TypeAlias = Literal["time", "tokens", "cost"]
"""Seconds since the run began or was taken up; tokens; costs as they are reported."""
