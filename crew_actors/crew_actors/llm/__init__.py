# Models, asked over HTTP. The wire formats are pure: a request becomes a body, and
# events become deltas; one module has the connections.
#
#   _values  requests, replies, deltas       _chat _messages _responses  wire formats
#   _sse     bytes -> events                 _wire      what they have in common
#   _reading fields of foreign JSON          _failures  what a refusal means
#   _providers  names of models              _cooldowns  who is left alone, until when
#   _choice    models that can be had        _local     models of this machine
#   local_server  a program that serves one of them
#   _client  the connections, imported when the first model is asked
"""Ask language models, whatever their provider speaks."""

import importlib
from typing import TYPE_CHECKING

from crew_actors.llm._choice import (
    Choice as Choice,
    choose_models as choose_models,
    missing_key as missing_key,
)
from crew_actors.llm._cooldowns import Cooldowns as Cooldowns
from crew_actors.llm._errors import (
    ReplyFailed as ReplyFailed,
    UnknownModel as UnknownModel,
)
from crew_actors.llm._local import (
    ENGINE as ENGINE,
    LOCAL_URL as LOCAL_URL,
    NoLocalModel as NoLocalModel,
    weights_of as weights_of,
)
from crew_actors.llm._providers import (
    BUILT_IN as BUILT_IN,
    ModelRef as ModelRef,
    all_providers as all_providers,
    find_model as find_model,
)
from crew_actors.llm._values import (
    Call as Call,
    Delta as Delta,
    Ended as Ended,
    Entry as Entry,
    Json as Json,
    Prompt as Prompt,
    Reply as Reply,
    Request as Request,
    Result as Result,
    Results as Results,
    Stop as Stop,
    Text as Text,
    Thought as Thought,
    ToolSpec as ToolSpec,
)

if TYPE_CHECKING:
    from crew_actors.llm._client import Models as Models


if not TYPE_CHECKING:  # checkers would take every name for one of ours

    def __getattr__(name: str) -> object:
        if name != "Models":  # what is not late has been found before
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        return importlib.import_module("crew_actors.llm._client").Models
