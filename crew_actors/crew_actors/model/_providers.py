"""Where models are had: providers, and the wire format that each speaks."""

from typing import Literal, TypeAlias

import attrs
from attrs import validators

Api: TypeAlias = Literal["chat", "messages", "responses"]
"""Wire formats: chat completions, Anthropic messages, responses."""


@attrs.frozen(kw_only=True)
class Provider:
    """A service that answers for models."""

    name: str
    api: Api
    base_url: str
    """To which the path of the wire format is added, as `https://host/v1`."""

    key_env: str | None = None
    """The variable that holds the key; None for a service that wants none."""

    models: tuple[str, ...] = ()
    """Names that are known. Others are taken as they are written."""

    tools: bool = True
    """Whether its models can use tools."""

    context: int | None = attrs.field(
        default=None, validator=validators.optional(validators.gt(0))
    )
    """Tokens that its models can hold, where that is known."""

    max_output: int = attrs.field(default=8192, validator=validators.gt(0))
    """Tokens of a reply, at most."""

    input_price: float = attrs.field(default=0.0, validator=validators.ge(0))
    """What a million tokens cost that its models are told."""

    output_price: float = attrs.field(default=0.0, validator=validators.ge(0))
    """What a million tokens cost that they say."""
