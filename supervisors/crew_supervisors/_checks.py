# What is wrong with a spec, said completely.
#
# 1. Nothing here raises because of what a spec holds: each problem is a value,
#    and all of them come at once, in the order of the specs.
# 2. A problem names the child, the field, the value found and the way out.
"""Find every problem of child specs and of supervisor options."""

import inspect
import math
from collections.abc import Iterable, Iterator
from typing import Any, Final, final

import attrs

from ._specs import FOREVER, KILL, Backoff, ChildSpec, Grace

_RESTARTS: Final = ("permanent", "transient", "temporary")
_LONGEST_VALUE: Final = 80  # characters of a bad value that a message shows


@final
@attrs.frozen
class SpecProblem:
    """One thing that is wrong with one field."""

    child: str
    field: str
    value: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return (
            f"{self.child}: {self.field} = {self.value}: {self.message}; {self.remedy}"
        )


def check_specs(specs: Iterable[ChildSpec]) -> tuple[SpecProblem, ...]:
    """Return every problem of *specs*; an empty tuple means that they can be started.

    Pure: it runs nothing and raises nothing.
    """
    problems: list[SpecProblem] = []
    seen: set[str] = set()
    for spec in specs:
        problems.extend(_spec_problems(spec))
        name = getattr(spec, "name", None)
        if isinstance(name, str):
            if name in seen:
                problems.append(_duplicate(name))
            seen.add(name)
    return tuple(problems)


def _duplicate(name: str) -> SpecProblem:
    message = "another child of this supervisor has the same name"
    return _problem(f"child {name!r}", "name", name, message, "choose another name")


def check_options(
    name: object,
    *,
    strategy: object,
    max_restarts: object,
    within: object,
    on_outer_cancel: object,
) -> tuple[SpecProblem, ...]:
    """Return every problem of the options of the supervisor *name*."""
    found: list[SpecProblem] = []
    who = f"supervisor {_shown(name)}"
    if not _is_name(name):
        message, remedy = "is no name", "give it a text that is not empty"
        found.append(_problem(who, "name", name, message, remedy))
    if strategy != "one_for_one":
        message, remedy = "is no strategy", "use 'one_for_one'"
        found.append(_problem(who, "strategy", strategy, message, remedy))
    if type(max_restarts) is not int or max_restarts < 0:
        message, remedy = "is no number of restarts", "use an int, 0 or more"
        found.append(_problem(who, "max_restarts", max_restarts, message, remedy))
    if not _is_seconds(within) or within == 0:
        message, remedy = "is no period", "use seconds, more than 0"
        found.append(_problem(who, "within", within, message, remedy))
    if isinstance(on_outer_cancel, Grace):
        seconds = on_outer_cancel.seconds
        if not _is_seconds(seconds):
            message, remedy = "is no time", "use seconds, 0 or more, or KILL"
            field = "on_outer_cancel.seconds"
            found.append(_problem(who, field, seconds, message, remedy))
    elif on_outer_cancel is not KILL:
        message = "cannot bound the stop after a cancellation"
        remedy = "use Grace(seconds) or KILL"
        found.append(_problem(who, "on_outer_cancel", on_outer_cancel, message, remedy))
    return tuple(found)


def significant_problem(spec: ChildSpec) -> SpecProblem:
    """Return the problem of a significant child where nothing shuts down by itself."""
    return _problem(
        f"child {spec.name!r}",
        "significant",
        spec.significant,
        "this supervisor does not end when a child ends",
        "leave the field out",
    )


def one_shot_problem(name: str, children: object) -> SpecProblem:
    """Return the problem of children that can be read only once."""
    return _problem(
        f"supervisor {name!r}",
        "children",
        children,
        "can be read only once, so a restart would find no children",
        "pass a tuple or a list",
    )


def _spec_problems(spec: object) -> Iterator[SpecProblem]:
    if not isinstance(spec, ChildSpec):
        message, remedy = "is no child spec", "use ChildSpec(name, run)"
        yield _problem("child ?", "spec", spec, message, remedy)
        return
    who = f"child {_shown(spec.name)}"
    if not _is_name(spec.name):
        message, remedy = "is no name", "give it a text that is not empty"
        yield _problem(who, "name", spec.name, message, remedy)
    yield from _run_problems(who, spec)
    if spec.restart not in _RESTARTS:
        remedy = "use 'permanent', 'transient' or 'temporary'"
        yield _problem(who, "restart", spec.restart, "is no restart type", remedy)
    yield from _stop_problems(who, spec.stop)
    if spec.backoff is not None:
        yield from _backoff_problems(who, spec.backoff)
    yield from _significant_problems(who, spec)


def _run_problems(who: str, spec: ChildSpec) -> Iterator[SpecProblem]:
    run: Any = spec.run
    args: Any = spec.args
    if inspect.iscoroutine(run):
        message, remedy = "runs already", "pass the function, and its arguments in args"
        yield _problem(who, "run", spec.run, message, remedy)
    elif not callable(run):
        yield _problem(
            who, "run", spec.run, "cannot be called", "pass an async function"
        )
    if not isinstance(args, tuple):
        message, remedy = "is no tuple", "use (value,) for one argument"
        yield _problem(who, "args", spec.args, message, remedy)


def _stop_problems(who: str, stop: object) -> Iterator[SpecProblem]:
    if isinstance(stop, Grace):
        if not _is_seconds(stop.seconds):
            message, remedy = "is no time", "use seconds, 0 or more, KILL or FOREVER"
            yield _problem(who, "stop.seconds", stop.seconds, message, remedy)
    elif stop is not KILL and stop is not FOREVER:
        message, remedy = "is no stop policy", "use Grace(seconds), KILL or FOREVER"
        yield _problem(who, "stop", stop, message, remedy)


def _backoff_problems(who: str, backoff: object) -> Iterator[SpecProblem]:
    if not isinstance(backoff, Backoff):
        message, remedy = "is no backoff", "use Backoff(first=seconds) or None"
        yield _problem(who, "backoff", backoff, message, remedy)
        return
    for field in ("first", "cap", "reset_after"):
        value = getattr(backoff, field)
        if not _is_seconds(value):
            message, remedy = "is no time", "use seconds, 0 or more"
            yield _problem(who, f"backoff.{field}", value, message, remedy)
    if not _is_seconds(backoff.factor) or backoff.factor < 1:
        remedy = "use a number, 1 or more"
        yield _problem(who, "backoff.factor", backoff.factor, "is no growth", remedy)
    if not _is_seconds(backoff.jitter) or backoff.jitter > 1:
        remedy = "use a number from 0 to 1"
        yield _problem(who, "backoff.jitter", backoff.jitter, "is no share", remedy)


def _significant_problems(who: str, spec: ChildSpec) -> Iterator[SpecProblem]:
    significant: Any = spec.significant
    if not isinstance(significant, bool):
        message, remedy = "is neither True nor False", "use one of them"
        yield _problem(who, "significant", spec.significant, message, remedy)
    elif spec.significant and spec.restart == "permanent":
        message = "a permanent child never ends by itself, so it cannot be significant"
        remedy = "use restart='transient' or 'temporary'"
        yield _problem(who, "significant", spec.significant, message, remedy)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_seconds(value: object) -> bool:
    """Tell whether *value* is a finite number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and value >= 0


def _problem(
    who: str, field: str, value: object, message: str, remedy: str
) -> SpecProblem:
    return SpecProblem(who, field, _shown(value), message, remedy)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"
