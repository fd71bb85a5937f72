# A library writes no files of its own accord. Whoever wants to know later which
# processes a runtime has started passes a recorder in, for a block of code and all
# tasks that are started in it.
"""Who is told of each process that is started."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from crew_supervisors.processes._report import ProcessIdentity, Survivor
from crew_supervisors.processes._spec import ProcessSpec


class ProcessRecorder:
    """Is told of each process, from before its start to its verified end.

    This one heeds nothing. The methods are called in the task that runs the process, so
    they must neither wait nor raise. *marker* is the value of the variable `MARKER` in
    the environment of the process and of all that it starts; nobody can guess it.
    """

    def starting(self, spec: ProcessSpec, marker: str) -> None:
        """Take in that a process is about to be started."""

    def started(self, marker: str, identity: ProcessIdentity) -> None:
        """Take in that it runs, and who it is."""

    def ended(self, marker: str, survivors: tuple[Survivor, ...]) -> None:
        """Take in that its tree is gone, but for *survivors*; or never was."""


_recorder: Final = ContextVar("crew_process_recorder", default=ProcessRecorder())  # noqa: B039 - it has no state


def current_recorder() -> ProcessRecorder:
    """Return who is to be told in this task."""
    return _recorder.get()


@contextmanager
def recorded_processes(recorder: ProcessRecorder) -> Generator[None]:
    """Tell *recorder* of each process that is started in this block.

    That is by this task, and by tasks that are started in the block; so open the
    supervisors of recorded processes inside of it. An inner block takes the place of
    an outer one.
    """
    token = _recorder.set(recorder)
    try:
        yield
    finally:
        _recorder.reset(token)
