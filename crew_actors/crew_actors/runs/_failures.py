"""What an exception says, and what is inside of it."""

from typing import TypeVar, cast

E = TypeVar("E", bound=BaseException)


def _members(error: BaseException) -> tuple[BaseException, ...]:
    """List what is in a group; nothing, if *error* is none."""
    if not isinstance(error, BaseExceptionGroup):
        return ()
    return cast("BaseExceptionGroup[BaseException]", error).exceptions


def describe(error: BaseException) -> str:
    """Describe *error*; groups of one are looked into, larger ones are listed."""
    members = _members(error)
    if members:
        return "; ".join(describe(inner) for inner in members)
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def find_cause(error: BaseException, kind: type[E]) -> E | None:
    """Find an exception of *kind* in *error*: itself, in its group, or its cause."""
    if isinstance(error, kind):
        return error
    inner = list(_members(error))
    if error.__cause__ is not None:
        inner.append(error.__cause__)
    for one in inner:
        found = find_cause(one, kind)
        if found is not None:
            return found
    return None
