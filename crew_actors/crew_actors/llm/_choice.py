# Which of the models that somebody has named can be had.
"""Choose models."""

from collections.abc import Iterable, Mapping

import attrs

from crew_actors.llm._errors import UnknownModel
from crew_actors.llm._local import LOCAL_URL, NoLocalModel, weights_of
from crew_actors.llm._providers import ModelRef, find_model
from crew_actors.model import Provider


@attrs.frozen(kw_only=True)
class Choice:
    """The models that can be had, and those that cannot."""

    models: tuple[ModelRef, ...]
    """The best first."""

    passed_over: tuple[tuple[str, str], ...]
    """Names, each with the reason."""


def choose_models(
    names: Iterable[str],
    providers: Mapping[str, Provider],
    environ: Mapping[str, str],
) -> Choice:
    """Find the models that *names* mean, the best first, and can be had.

    A model can be had if its provider wants no key, or has one in *environ*; one of
    this machine, if it is there. Looks for that on the disk.
    """
    models: dict[ModelRef, None] = {}
    passed_over: list[tuple[str, str]] = []
    for name in names:
        try:
            found = find_model(name, providers)
        except UnknownModel as error:
            passed_over.append((name, str(error)))
            continue
        missing = missing_key(found.provider, environ) or _missing_here(found)
        if missing is None:
            models[found] = None
        else:
            passed_over.append((name, missing))
    return Choice(models=tuple(models), passed_over=tuple(passed_over))


def _missing_here(model: ModelRef) -> str | None:
    """Tell why a model of this machine cannot be had; None if it can, or is elsewhere."""
    if model.provider.base_url != LOCAL_URL:
        return None
    try:
        weights_of(model.model)
    except NoLocalModel as error:
        return str(error)
    return None


def key_of(provider: Provider, environ: Mapping[str, str]) -> str | None:
    """Return the key for *provider*; None if it wants none, or there is none."""
    if provider.key_env is None:
        return None
    return environ.get(provider.key_env, "").strip() or None


def missing_key(provider: Provider, environ: Mapping[str, str]) -> str | None:
    """Tell that there is no key for *provider*; None if it needs none, or has one."""
    if provider.key_env is None or key_of(provider, environ) is not None:
        return None
    return f"there is no key for {provider.name}: set {provider.key_env}"
