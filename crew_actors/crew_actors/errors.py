"""The root of every error that is meant for a person, and what errors are about."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


class UserError(Exception):
    """Something that its reader can mend.

    Its text names the thing, its place and the way out, and can be shown as it is.
    Nothing was started and nothing half-written when it is raised, unless the class
    says otherwise.
    """

    exit_code: int = 2
    """What a command line exits with: 2 for a wrong use, 1 for a failure."""


@contextmanager
def about(path: Path) -> Generator[None]:
    """Have an error of the system in here name *path*, which its reader knows.

    The system names a temporary file, or none: where a disk is full, `write` knows of
    no name.

    Raises:
      OSError: as it came, with *path* as its file.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
