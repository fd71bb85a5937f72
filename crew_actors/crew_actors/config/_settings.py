# All that can be set. The metadata of a field tells the rest about it: what it means,
# its bounds, and what a project may do with it. Names, documentation, schema and
# variables are all made from these classes.
"""The settings."""

import os
from collections.abc import Sequence
from typing import Final, Literal

import attrs

from crew_actors.model import Limits, McpServer, Provider, RetryPolicy

_DAY: Final = 86_400
_MONTH: Final = 30 * _DAY


def _about(
    text: str,
    *,
    least: float | None = None,
    most: float | None = None,
    project: Literal["never", "lower", "stricter"] = "never",
    also: Sequence[str] = (),
) -> dict[str, object]:
    """Make the metadata of a field.

    Args:
      text: what it means.
      least: the smallest number that it may be.
      most: the largest one.
      project: what a project may do: nothing, set a lower number, or set a mode that
        is stricter, which are those further behind; of a flag, that it is true.
      also: what it may be called by mistake.
    """
    return {
        "help": text,
        "least": least,
        "most": most,
        "project": project,
        "also": tuple(also),
    }


def _cores_less_two() -> int:
    return max(2, (os.cpu_count() or 1) - 2)


@attrs.frozen(kw_only=True)
class LimitSettings:
    """What runs may use. None means: as much as it takes."""

    slots: int = attrs.field(
        factory=_cores_less_two,
        metadata=_about(
            "attempts at the same time over all runs of a process; without it the "
            "number of cores less 2, but at least 2",
            least=1,
            most=1024,
            project="lower",
            also=("global", "total", "global_concurrency"),
        ),
    )
    warm: int = attrs.field(
        default=0,
        metadata=_about(
            "agent programs over all runs of a process that are started ahead of their "
            "tasks; each takes as much memory as one at work",
            least=0,
            most=64,
            project="lower",
            also=("warm_pool", "pool"),
        ),
    )
    run_seconds: float | None = attrs.field(
        default=None,
        metadata=_about(
            "seconds that a run may take",
            least=1,
            most=_MONTH,
            project="lower",
            also=("time", "timeout"),
        ),
    )
    silence: float | None = attrs.field(
        default=None,
        metadata=_about(
            "seconds without any output after which an agent is stopped, where its file "
            "says nothing",
            least=1,
            most=_DAY,
            project="lower",
        ),
    )
    tokens: int | None = attrs.field(
        default=None,
        metadata=_about(
            "tokens that all agents of a run may use together",
            least=1,
            most=10**12,
            project="lower",
        ),
    )
    cost: float | None = attrs.field(
        default=None,
        metadata=_about(
            "what all agents of a run may cost together, as they report it",
            least=0,
            most=10**6,
            project="lower",
            also=("budget", "price"),
        ),
    )
    attempts: int = attrs.field(
        default=3,
        metadata=_about(
            "attempts at one task",
            least=1,
            most=100,
            project="lower",
            also=("retries",),
        ),
    )
    tasks: int = attrs.field(
        default=200,
        metadata=_about(
            "tasks of a run, those included that its agents plan",
            least=1,
            most=10_000,
            project="lower",
        ),
    )
    depth: int = attrs.field(
        default=2,
        metadata=_about(
            "how many runs a run may be nested in", least=0, most=16, project="lower"
        ),
    )
    spawns: int = attrs.field(
        default=20,
        metadata=_about(
            "runs that the agents of one task may start",
            least=0,
            most=1000,
            project="lower",
            also=("children",),
        ),
    )
    nested: int = attrs.field(
        default=4,
        metadata=_about(
            "runs that the agents of a run may have at work at the same time",
            least=0,
            most=64,
            project="lower",
        ),
    )
    question_seconds: float = attrs.field(
        default=600.0,
        metadata=_about(
            "seconds that a question of an agent waits for its answer",
            least=1,
            most=3600,
            project="lower",
        ),
    )


@attrs.frozen(kw_only=True)
class RetrySettings:
    """When a failed task is tried again."""

    first: float = attrs.field(
        default=1.0,
        metadata=_about("seconds before the second attempt", least=0, most=3600),
    )
    factor: float = attrs.field(
        default=2.0,
        metadata=_about("by which each further wait is longer", least=1, most=10),
    )
    cap: float = attrs.field(
        default=60.0,
        metadata=_about("seconds of the longest wait", least=0, most=_DAY),
    )
    jitter: float = attrs.field(
        default=0.3,
        metadata=_about("the part of a wait that is random", least=0, most=1),
    )


@attrs.frozen(kw_only=True)
class RunSettings:
    """How a run goes on, where its command does not say."""

    workspace: Literal["shared", "worktree"] = attrs.field(
        default="shared",
        metadata=_about(
            "where tasks work: all in the project, or each attempt in a git worktree",
            project="stricter",
            also=("isolation",),
        ),
    )
    approve: bool = attrs.field(
        default=False,
        metadata=_about(
            "whether tasks that write wait until somebody agrees to the plan",
            project="stricter",
        ),
    )
    on_failure: Literal["drain", "fail_fast"] = attrs.field(
        default="drain",
        metadata=_about(
            "after a failure, go on with what does not depend on it, or stop all",
            project="stricter",
        ),
    )
    detach: bool = attrs.field(
        default=False,
        metadata=_about("whether a run gets a process of its own", also=("async",)),
    )


@attrs.frozen(kw_only=True)
class JournalSettings:
    """The journals of runs."""

    compact_at: int = attrs.field(
        default=64 << 20,
        metadata=_about(
            "bytes of a journal above which events go that later ones make needless",
            least=1 << 20,
            most=1 << 40,
            also=("max_size", "max_bytes"),
        ),
    )


@attrs.frozen(kw_only=True)
class Settings:
    """What is set. None means: decide by what is there."""

    team: str | None = attrs.field(
        default=None, metadata=_about("the team of a run that names none")
    )
    agent_runtime: str | None = attrs.field(
        default=None,
        metadata=_about(
            "what runs agents that do not say it themselves: an agent program, "
            "`acp:PROGRAM`, or `llm:PROVIDER/MODEL`",
            also=("runtime", "cli"),
        ),
    )
    limit: int | None = attrs.field(
        default=None,
        metadata=_about(
            "how many tasks of a run may run at the same time, where neither its command "
            "nor its team says",
            least=1,
            most=1024,
            project="lower",
            also=("concurrency", "max_concurrency"),
        ),
    )
    sweep: bool = attrs.field(
        default=True,
        metadata=_about(
            "whether a run begins by ending the processes of runtimes that died"
        ),
    )
    limits: LimitSettings = attrs.field(factory=LimitSettings)
    retry: RetrySettings = attrs.field(factory=RetrySettings)
    run: RunSettings = attrs.field(factory=RunSettings)
    journal: JournalSettings = attrs.field(factory=JournalSettings)
    providers: tuple[Provider, ...] = ()
    """The user's own; those that are built in stand beside them."""

    mcp: tuple[McpServer, ...] = ()
    """Servers that agent programs may be given, by the names in their files."""

    def run_limits(self) -> Limits:
        """Return what a run may use, as its plan holds it."""
        limits = self.limits
        return Limits(
            attempts=limits.attempts,
            run_seconds=limits.run_seconds,
            tokens=limits.tokens,
            cost=limits.cost,
            tasks=limits.tasks,
            spawns=limits.spawns,
            nested=limits.nested,
            question_seconds=limits.question_seconds,
        )

    def retry_policy(self) -> RetryPolicy:
        """Return when a failed task is tried again, as a plan holds it."""
        retry = self.retry
        return RetryPolicy(
            first=retry.first, factor=retry.factor, cap=retry.cap, jitter=retry.jitter
        )
