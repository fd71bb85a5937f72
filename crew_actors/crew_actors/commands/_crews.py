"""The crew that the runs of an action belong to, and the console beside it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from crew_actors.commands._schema import BadParameters
from crew_actors.commands._table import Context
from crew_actors.config import Settings
from crew_actors.places import Project
from crew_actors.runs import Crew, open_crew


@asynccontextmanager
async def crew_for(
    project: Project, context: Context, settings: Settings, *, slots: int | None
) -> AsyncGenerator[Crew]:
    """Give the crew of *context*, if it works in *project*; else open one.

    Leaving the block stops the runs of a crew that was opened. Those of the other one go
    on: they are its own.
    """
    given = context.crew
    if given is not None and given.project.root == project.root:
        yield given
        return
    async with open_crew(
        project,
        places=context.places,
        slots=slots,
        settings=settings,
        environ=context.environ,
    ) as crew:
        yield crew


def check_console(context: Context, *, wanted: bool, detach: bool) -> None:
    """Refuse a console that cannot be.

    Raises:
      BadParameters: there is no way to one, or no run here that it could show.
    """
    if wanted and detach:
        message = "--console: a detached run has none; use `crew serve`"
        raise BadParameters("run", (message,))
    if wanted and context.console is None:
        raise BadParameters("run", ("--console: there is no console here",))


@asynccontextmanager
async def console_beside(
    crew: Crew, context: Context, *, wanted: bool
) -> AsyncGenerator[None]:
    """Open a console beside *crew*, and tell where it is; where it is not *wanted*, none."""
    if not wanted or context.console is None:
        yield
        return
    async with context.console(crew, context) as link:
        await context.watcher.note(f"Open {link}")
        yield
