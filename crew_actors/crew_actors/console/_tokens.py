# 1. Each role has a secret of its own; the role stands before it, so that a person sees
#    what a token is good for. What counts is the whole.
# 2. A token is compared with each of ours, in a time that tells nothing.
# 3. No token is in the text of an object: none gets into a log by accident.
"""Tokens: who may look, and who may act."""

import secrets
from hmac import compare_digest
from typing import Final, Literal, TypeAlias, final

import attrs

Role: TypeAlias = Literal["viewer", "operator"]

TOKEN_LIMIT: Final = 256
"""Characters of the longest text that is compared at all."""

_BYTES: Final = 32  # make 43 characters


def _make(role: Role) -> str:
    return f"{role}.{secrets.token_urlsafe(_BYTES)}"


def _make_operator() -> str:
    return _make("operator")


def _make_viewer() -> str:
    return _make("viewer")


@final
@attrs.frozen
class Tokens:
    """The tokens of one console."""

    operator: str = attrs.field(factory=_make_operator, repr=False)
    """May do everything."""
    viewer: str = attrs.field(factory=_make_viewer, repr=False)
    """May look at everything."""

    def role_of(self, token: object) -> Role | None:
        """Tell the role of whoever shows *token*; None if it is none of ours."""
        if not isinstance(token, str) or len(token) > TOKEN_LIMIT:
            return None
        shown = token.encode("utf-8", "replace")
        is_operator = compare_digest(shown, self.operator.encode())
        is_viewer = compare_digest(shown, self.viewer.encode())
        if is_operator:
            return "operator"
        return "viewer" if is_viewer else None
