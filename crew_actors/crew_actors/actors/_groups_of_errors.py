"""What a group of errors consists of."""

from typing import cast


def consists_of(error: BaseException, kind: type[BaseException]) -> bool:
    """Tell whether *error* is of *kind*, or a group of nothing else."""
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return all(consists_of(each, kind) for each in group.exceptions)
    return isinstance(error, kind)
