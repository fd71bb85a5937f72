"""What the commands of those share who do tasks outside."""

from typing import Final, cast

from crew_actors.commands._schema import BadParameters
from crew_actors.commands._table import Context
from crew_actors.control import call_owner
from crew_actors.journal import RunFolder
from crew_actors.model import AttemptId, Message, MessageKind, TaskId
from crew_actors.runs import CLAIM_LIMIT, CLAIM_SECONDS, Claimed

VARIABLE: Final = "CREW_TOKEN"
TOKEN: Final = f"the token that the claim has told; else that in {VARIABLE}"
LEASE: Final = (
    f"seconds until the claim ends, unless it is extended; {CLAIM_SECONDS:.0f} if not "
    f"given, at most {CLAIM_LIMIT:,.0f}"
)


def token_of(given: str | None, context: Context) -> str | None:
    """Return the token that was *given*, or that the environment holds."""
    return given or context.environ.get(VARIABLE) or None


def needed_token(action: str, given: str | None, context: Context) -> str:
    """Return the token that was *given*, or that the environment holds.

    Raises:
      BadParameters: there is none.
    """
    token = token_of(given, context)
    if token is None:
        raise BadParameters(action, (f"--token is missing: {TOKEN}",))
    return token


async def call_run(
    folder: RunFolder, method: str, params: dict[str, object]
) -> Claimed:
    """Ask the owner of a run for a claim, or for more time.

    Raises:
      UserError: it refuses, or nobody works on the run.
    """
    answer = await call_owner(folder, method, params)
    letters = cast("list[dict[str, str]]", answer["messages"])
    return Claimed(
        task=TaskId(str(answer["task"])),
        attempt=AttemptId(str(answer["attempt"])),
        owner=str(answer["owner"]),
        token=str(answer["token"]),
        until=float(cast("float", answer["until"])),
        messages=tuple(
            Message(
                id=one["id"],
                kind=cast("MessageKind", one["kind"]),
                text=one["text"],
                by=one["by"],
            )
            for one in letters
        ),
    )
