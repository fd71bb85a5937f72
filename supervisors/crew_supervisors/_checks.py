# What is wrong with a spec, said completely.
#
# 1. Nothing here raises because of what a spec holds: each problem is a value,
#    and all of them come at once, in the order of the specs.
# 2. A problem names the child, the field, the value found and the way out.
"""Find every problem of child specs and of supervisor options."""

import inspect
import math
import types
from collections.abc import Iterable, Iterator
from typing import Any, Final, final

import attrs

from ._specs import (
    DEFAULT_GRACE,
    FOREVER,
    KILL,
    Backoff,
    ChildSpec,
    Grace,
    OnFailure,
    SupervisorOptions,
)

_RESTARTS: Final = ("permanent", "transient", "temporary")
_STRATEGIES: Final = ("one_for_one", "one_for_all", "rest_for_one", "dynamic")
_ENDING: Final = ("any_significant", "all_significant")
_AUTO_SHUTDOWNS: Final = ("never", *_ENDING)
_ANSWERS: Final = ("restart", "stop", "escalate")
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


def check_specs(
    specs: Iterable[ChildSpec], options: SupervisorOptions | None = None
) -> tuple[SpecProblem, ...]:
    """Return every problem of *specs*; an empty tuple means that they can be started.

    With *options*, the problems of these are told too, and where the two do not go
    together. Pure: it runs nothing and raises nothing.
    """
    problems: list[SpecProblem] = []
    if options is not None:
        problems.extend(check_options(options))
    seen: set[str] = set()
    for spec in specs:
        found = tuple(_spec_problems(spec))
        problems.extend(found)
        if options is not None and not found:
            problems.extend(_combined_problems(spec, options))
        name = getattr(spec, "name", None)
        if isinstance(name, str):
            if name in seen:
                problems.append(_duplicate(name))
            seen.add(name)
    return tuple(problems)


def _duplicate(name: str) -> SpecProblem:
    message = "another child of this supervisor has the same name"
    return _problem(f"child {name!r}", "name", name, message, "choose another name")


def is_plainly_right(spec: ChildSpec) -> bool:
    """Tell quickly whether *spec* is one of the most that have no problem anywhere.

    A no says nothing. The full check of a spec costs as much as starting a task.
    """
    given: Any = spec  # it may hold anything
    return (
        type(given) is ChildSpec
        and type(given.name) is str
        and given.name != ""
        and isinstance(given.run, types.FunctionType)
        and not given.run.__code__.co_flags & inspect.CO_ASYNC_GENERATOR
        and type(given.args) is tuple
        and given.restart in _RESTARTS
        and (given.stop is DEFAULT_GRACE or given.stop is KILL or given.stop is FOREVER)
        and given.backoff is None
        and given.significant is False
        and given.on_failure == ()
    )


def check_options(options: SupervisorOptions) -> tuple[SpecProblem, ...]:
    """Return every problem of *options*."""
    return tuple(_option_problems(f"supervisor {_shown(options.name)}", options))


def _option_problems(who: str, options: SupervisorOptions) -> Iterator[SpecProblem]:
    if not _is_name(options.name):
        message, remedy = "is no name", "give it a text that is not empty"
        yield _problem(who, "name", options.name, message, remedy)
    if options.strategy not in _STRATEGIES:
        message, remedy = "is no strategy", f"use one of {_listed(_STRATEGIES)}"
        yield _problem(who, "strategy", options.strategy, message, remedy)
    if not _is_count(options.max_restarts):
        message, remedy = "is no number of restarts", "use an int, 0 or more"
        yield _problem(who, "max_restarts", options.max_restarts, message, remedy)
    if not _is_seconds(options.within) or options.within == 0:
        message, remedy = "is no period", "use seconds, more than 0"
        yield _problem(who, "within", options.within, message, remedy)
    yield from _auto_shutdown_problems(who, options)
    yield from _max_children_problems(who, options)
    yield from _outer_cancel_problems(who, options.on_outer_cancel)
    if not _is_count(options.log_error_after):
        message, remedy = "is no number of restarts", "use an int, 0 or more"
        yield _problem(who, "log_error_after", options.log_error_after, message, remedy)


def _auto_shutdown_problems(
    who: str, options: SupervisorOptions
) -> Iterator[SpecProblem]:
    value = options.auto_shutdown
    if value not in _AUTO_SHUTDOWNS:
        message, remedy = "is no such rule", f"use one of {_listed(_AUTO_SHUTDOWNS)}"
        yield _problem(who, "auto_shutdown", value, message, remedy)
    elif value != "never" and options.strategy == "dynamic":
        message = "a dynamic supervisor has no significant children"
        remedy = "use 'never', or another strategy"
        yield _problem(who, "auto_shutdown", value, message, remedy)


def _max_children_problems(
    who: str, options: SupervisorOptions
) -> Iterator[SpecProblem]:
    value = options.max_children
    if value is None:
        return
    if not _is_count(value):
        message, remedy = "is no number of children", "use an int, 0 or more, or None"
        yield _problem(who, "max_children", value, message, remedy)
    elif options.strategy != "dynamic":
        message = "only a dynamic supervisor has such a limit"
        remedy = "leave the field out, or use strategy='dynamic'"
        yield _problem(who, "max_children", value, message, remedy)


def _outer_cancel_problems(who: str, value: object) -> Iterator[SpecProblem]:
    if isinstance(value, Grace):
        if not _is_seconds(value.seconds):
            message, remedy = "is no time", "use seconds, 0 or more, or KILL"
            field = "on_outer_cancel.seconds"
            yield _problem(who, field, value.seconds, message, remedy)
    elif value is not KILL:
        message = "cannot bound the stop after a cancellation"
        remedy = "use Grace(seconds) or KILL"
        yield _problem(who, "on_outer_cancel", value, message, remedy)


def _combined_problems(
    spec: ChildSpec, options: SupervisorOptions
) -> Iterator[SpecProblem]:
    """Yield what is wrong with a right spec below such a supervisor."""
    if spec.significant and options.auto_shutdown not in _ENDING:
        yield _problem(
            f"child {spec.name!r}",
            "significant",
            spec.significant,
            "this supervisor does not end when a child ends",
            "leave the field out, or give the supervisor an auto_shutdown",
        )


def check_children(name: str, children: object) -> tuple[SpecProblem, ...]:
    """Return the problem of *children* that cannot be read, or only once."""
    who, found = f"supervisor {name!r}", children
    if isinstance(children, ChildSpec):
        message = "is one spec, and not several"
    elif not isinstance(children, Iterable):
        message = "is no collection of specs"
    elif isinstance(children, Iterator):
        message = "can be read only once, so a restart would find no children"
    else:
        return ()
    remedy = "pass a tuple of specs; as args of a child spec: args=((spec, …),)"
    return (_problem(who, "children", found, message, remedy),)


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
        yield from _backoff_problems(who, "backoff", spec.backoff)
    yield from _significant_problems(who, spec)
    yield from _on_failure_problems(who, spec)


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
    elif inspect.isasyncgenfunction(run):
        message, remedy = "is an async generator", "leave out its yield"
        yield _problem(who, "run", spec.run, message, remedy)
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


def _backoff_problems(who: str, at: str, backoff: object) -> Iterator[SpecProblem]:
    if not isinstance(backoff, Backoff):
        message, remedy = "is no backoff", "use Backoff(first=seconds) or None"
        yield _problem(who, at, backoff, message, remedy)
        return
    for field in ("first", "cap", "reset_after"):
        value = getattr(backoff, field)
        if not _is_seconds(value):
            message, remedy = "is no time", "use seconds, 0 or more"
            yield _problem(who, f"{at}.{field}", value, message, remedy)
    if not _is_seconds(backoff.factor) or backoff.factor < 1:
        remedy = "use a number, 1 or more"
        yield _problem(who, f"{at}.factor", backoff.factor, "is no growth", remedy)
    if not _is_seconds(backoff.jitter) or backoff.jitter > 1:
        remedy = "use a number from 0 to 1"
        yield _problem(who, f"{at}.jitter", backoff.jitter, "is no share", remedy)


def _significant_problems(who: str, spec: ChildSpec) -> Iterator[SpecProblem]:
    significant: Any = spec.significant
    if not isinstance(significant, bool):
        message, remedy = "is neither True nor False", "use one of them"
        yield _problem(who, "significant", spec.significant, message, remedy)
    elif spec.significant and spec.restart == "permanent":
        message = "a permanent child never ends by itself, so it cannot be significant"
        remedy = "use restart='transient' or 'temporary'"
        yield _problem(who, "significant", spec.significant, message, remedy)


def _on_failure_problems(who: str, spec: ChildSpec) -> Iterator[SpecProblem]:
    rules: Any = spec.on_failure
    if not isinstance(rules, tuple):
        message, remedy = "is no tuple", "use (OnFailure(error, then),) for one rule"
        yield _problem(who, "on_failure", rules, message, remedy)
        return
    rule: Any
    for number, rule in enumerate(spec.on_failure):
        at = f"on_failure[{number}]"
        if isinstance(rule, OnFailure):
            yield from _rule_problems(who, at, rule)
            if rule.then == "restart" and spec.restart == "temporary":
                message = "a temporary child is never restarted"
                remedy = "use restart='transient', or 'stop' or 'escalate' here"
                yield _problem(who, f"{at}.then", rule.then, message, remedy)
        else:
            message, remedy = "is no rule", "use OnFailure(error, then)"
            yield _problem(who, at, rule, message, remedy)


def _rule_problems(who: str, at: str, rule: OnFailure) -> Iterator[SpecProblem]:
    errors: tuple[object, ...] = (rule.errors,)
    if isinstance(rule.errors, tuple) and rule.errors:
        errors = rule.errors
    for kind in errors:
        if not _is_kind_of_error(kind):
            message = "is no type of errors"
            remedy = "use a subclass of Exception, or a tuple of them"
            yield _problem(who, f"{at}.errors", kind, message, remedy)
    if rule.then not in _ANSWERS:
        message, remedy = "is no answer", f"use one of {_listed(_ANSWERS)}"
        yield _problem(who, f"{at}.then", rule.then, message, remedy)
    if rule.backoff is not None:
        yield from _backoff_problems(who, f"{at}.backoff", rule.backoff)
    if rule.max_restarts is not None and not _is_count(rule.max_restarts):
        message, remedy = "is no number of restarts", "use an int, 0 or more, or None"
        yield _problem(who, f"{at}.max_restarts", rule.max_restarts, message, remedy)
    if not _is_seconds(rule.within) or rule.within == 0:
        message, remedy = "is no period", "use seconds, more than 0"
        yield _problem(who, f"{at}.within", rule.within, message, remedy)
    is_limited = rule.backoff is not None or rule.max_restarts is not None
    if rule.then != "restart" and is_limited:
        message, remedy = "restarts nothing", "leave backoff and max_restarts out"
        yield _problem(who, f"{at}.then", rule.then, message, remedy)


def _is_kind_of_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Exception)


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _listed(words: Iterable[str]) -> str:
    return ", ".join(map(repr, words))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_seconds(value: object) -> bool:
    """Tell whether *value* is a finite number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value) and value >= 0
    except OverflowError:  # an int that is no float
        return False


def _problem(
    who: str, field: str, value: object, message: str, remedy: str
) -> SpecProblem:
    return SpecProblem(who, field, _shown(value), message, remedy)


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  # it is the user's code, and may be wrong too
        text = f"(a {type(value).__name__} that cannot be shown)"
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"
