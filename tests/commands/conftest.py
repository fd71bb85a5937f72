import os
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain, repeat
from pathlib import Path

import pytest
from tests.commands.samples import RUN, START, recorded

from crew_actors.commands import Context
from crew_actors.journal import Lease, RunFolder, open_journal
from crew_actors.model import Event, RunId
from crew_actors.places import Project, user_places

Record = Callable[..., Awaitable[RunFolder]]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path.resolve() / "project"
    root.mkdir()
    return Project(root, is_repository=False)


@pytest.fixture
def context(project: Project) -> Context:
    return Context(
        project=project,
        places=user_places(os.environ),
        environ=dict(os.environ),
        now=lambda: START + 60,
    )


@pytest.fixture
def record(project: Project) -> Record:
    """Write a run's journal and put its lease down, as a runtime does."""

    async def write(
        events: Sequence[Event], *, run: RunId = RUN, root: Path = project.root
    ) -> RunFolder:
        at = [one.at for one in recorded(events)]
        moments = chain(at, repeat(at[-1]))
        folder = RunFolder.create(root, run)
        lease = Lease.mine(now=START)
        async with open_journal(
            folder, lease=lease, create=True, clock=lambda: next(moments)
        ) as journal:
            for event in events:
                await journal.append(event)
        return folder

    return write
