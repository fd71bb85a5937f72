"""Why a model did not answer."""

from crew_actors.errors import UserError
from crew_actors.model import Failure, FailureKind


class ReplyFailed(Exception):
    """A model gave no whole reply. What it had said before that is void."""

    def __init__(
        self, kind: FailureKind, message: str, *, retry_after: float | None = None
    ) -> None:
        super().__init__(kind, message)
        self.kind = kind
        self.message = message
        self.retry_after = retry_after
        """Seconds after which the provider wants to be asked again, if it said so."""

    def __str__(self) -> str:
        return self.message

    @property
    def passes(self) -> bool:
        """Whether it may be otherwise in a while, or at another provider."""
        return self.kind in {
            FailureKind.RATE_LIMIT,
            FailureKind.OVERLOADED,
            FailureKind.TIMEOUT,
        }

    def failure(self) -> Failure:
        """Return it as the failure of an attempt."""
        return Failure(kind=self.kind, message=self.message)


class UnknownModel(UserError):
    """No model can be meant by that name. Nothing was asked of any."""

    def __init__(self, wanted: str, known: tuple[str, ...]) -> None:
        super().__init__(wanted, known)
        self.wanted = wanted
        self.known = known
        """Names that can be used."""

    def __str__(self) -> str:
        if not self.known:
            return f"there is no model {self.wanted!r}: write it as PROVIDER/MODEL"
        return f"there is no model {self.wanted!r}; known are {', '.join(self.known)}"
