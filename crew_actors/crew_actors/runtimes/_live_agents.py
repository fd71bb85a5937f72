# The door to live agents: what they are made of is imported with the first of them.
"""The live agents of a crew."""

import importlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, final

from crew_actors.model import PlannedTask, Provider
from crew_actors.runtimes._job import Runtime

if TYPE_CHECKING:
    from crew_actors.llm import Models


@final
class LiveAgents:
    """Runs the live agents of a crew: they share connections and cool-downs."""

    def __init__(
        self,
        providers: Iterable[Provider],
        environ: Mapping[str, str],
        serve: Callable[[Path], Awaitable[str]],
    ) -> None:
        """Take what they need.

        Args:
          providers: the user's own.
          environ: in which the keys are.
          serve: has a model of this machine served, by its weights; returns the URL.
        """
        self._serve = serve
        self._providers = tuple(providers)
        self._environ = environ
        self._models: Models | None = None

    def runner_of(self, task: PlannedTask) -> Runtime:
        """Return what runs *task*. Not a checkpoint.

        Raises:
          UnknownModel: it has no model, or one that cannot be meant.
        """
        live = importlib.import_module("crew_actors.runtimes.live")
        if self._models is None:
            llm = importlib.import_module("crew_actors.llm")
            self._models = llm.Models(self._providers, self._environ, self._serve)
        live.candidates_of(self._models, task)
        return partial(live.run_live, self._models)

    async def aclose(self) -> None:
        """Close the connections. None of the agents is at work any more."""
        models, self._models = self._models, None
        if models is not None:
            await models.aclose()
