# A fake LLM, from the inside out:
#
#   _values   requests and answers in words of no wire format
#   _asking   requests, read           _script    directives in prompts
#   _calling  tools that are offered   _writing   what each answer is made of, for
#   _routes   paths                               _chat _responses _messages _gemini
#   _answering   from a request to the parts of its answer
#   _server      sockets and time
#   _programs    real agent programs that ask it
"""A fake LLM server: agents of all kinds are tested against it, without any key."""

from crew_actors.testing.llm._answering import MODEL as MODEL
from crew_actors.testing.llm._programs import (
    VARIABLES as VARIABLES,
    point_programs as point_programs,
)
from crew_actors.testing.llm._server import (
    FakeLlm as FakeLlm,
    LlmRequest as LlmRequest,
    open_fake_llm as open_fake_llm,
)
from crew_actors.testing.llm._values import Asked as Asked
