# Which providers there are, and which of their models a name can mean.
#
# 1. `provider/model` means that model, whether it is known or not: providers have new
#    ones every week. Only where it looks like a known one written otherwise is it that.
# 2. A name without a provider means the known model that fits it best. If two fit as
#    well, the newer by its name; if none does, it is an error that names all.
"""Providers and the names of their models."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

import attrs

from crew_actors.llm._errors import UnknownModel
from crew_actors.llm._local import LOCAL_URL, PACKAGES
from crew_actors.model import Provider

BUILT_IN: Final[Mapping[str, Provider]] = MappingProxyType(
    {
        "anthropic": Provider(
            name="anthropic",
            api="messages",
            base_url="https://api.anthropic.com/v1",
            key_env="ANTHROPIC_API_KEY",
            models=("claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"),
            context=200_000,
        ),
        "openai": Provider(
            name="openai",
            api="responses",
            base_url="https://api.openai.com/v1",
            key_env="OPENAI_API_KEY",
            models=("gpt-5.1", "gpt-5-mini", "gpt-5-nano"),
            context=272_000,
        ),
        "local": Provider(
            name="local",
            api="chat",
            base_url=LOCAL_URL,
            models=tuple(PACKAGES),
            tools=False,
            context=8192,
            max_output=400,  # small ones do not come to an end by themselves
        ),
    }
)
"""Those that need nothing but a key, or the extra `local`."""

_EXACT: Final = 100
_CONTAINS: Final = 60
_WORDS: Final = 20
_NOT_WORDS: Final = re.compile(r"[^a-z0-9]+")


@attrs.frozen
class ModelRef:
    """A model at a provider."""

    provider: Provider
    model: str

    @property
    def name(self) -> str:
        """As people write it."""
        return f"{self.provider.name}/{self.model}"


def all_providers(own: Iterable[Provider]) -> Mapping[str, Provider]:
    """Return the built-in providers and a user's *own*, which take their places."""
    return MappingProxyType({**BUILT_IN, **{one.name: one for one in own}})


def find_model(wanted: str, providers: Mapping[str, Provider]) -> ModelRef:
    """Return the model that *wanted* means.

    Raises:
      UnknownModel: none can be meant.
    """
    name = wanted.strip()
    provider, slash, rest = name.partition("/")
    if slash and provider in providers and rest:
        found = providers[provider]
        return ModelRef(found, _best(rest, found.models) or rest)
    known = [ModelRef(one, model) for one in providers.values() for model in one.models]
    scored = [(_score(name, one.model), one.model, one) for one in known]
    best = max(scored, key=lambda each: each[:2], default=None)
    if not name or best is None or best[0] == 0:
        raise UnknownModel(wanted, tuple(one.name for one in known))
    return best[2]


def _best(wanted: str, models: tuple[str, ...]) -> str | None:
    """Return the one of *models* that is *wanted* written otherwise, if one is."""
    scored = [(_score(wanted, model), model) for model in models]
    best = max(scored, default=None)
    return best[1] if best is not None and best[0] >= _CONTAINS else None


def _score(wanted: str, model: str) -> int:
    """Tell how well *model* fits what is *wanted*, from 0 to 100."""
    mine, its = _plain(wanted), _plain(model)
    if not mine:
        return 0
    if mine == its:
        return _EXACT
    if mine in its:
        # The more of the name it is, the better.
        return _CONTAINS + (_EXACT - _CONTAINS - 1) * len(mine) // len(its)
    words = mine.split("-")
    return _WORDS if all(word in its.split("-") for word in words) else 0


def _plain(name: str) -> str:
    return _NOT_WORDS.sub("-", name.lower()).strip("-")
