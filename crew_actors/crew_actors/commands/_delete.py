"""`crew delete`: remove a resource, and keep a backup."""

from typing import Literal, final

import attrs

from crew_actors.commands._edited import Edited, carry_out, edited_text
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.errors import UserError
from crew_actors.observe import escaped
from crew_actors.resources import Change, ResourceEditor


@final
class NotConfirmed(UserError):
    """The user has not said that it may be deleted. Nothing was."""

    def __init__(self, change: Change) -> None:
        super().__init__(change)
        self.change = change

    def __str__(self) -> str:
        path = escaped(str(self.change.path))
        return f"this would delete {path}; if that is meant, add --confirm"


@attrs.frozen(kw_only=True)
class DeleteParameters:
    """What to delete."""

    kind: Literal["agent", "team", "workflow"] = attrs.field(
        metadata=told("what it is", positional=True)
    )
    name: str = attrs.field(metadata=told("its name", positional=True))
    scope: Literal["project", "user"] | None = attrs.field(
        default=None, metadata=told("which one, if both have one of that name")
    )
    confirm: bool = attrs.field(
        default=False, metadata=told("really do it; without it, it is only told")
    )
    dry_run: bool = attrs.field(
        default=False, metadata=told("show what would go, and change nothing")
    )
    force: bool = attrs.field(
        default=False, metadata=told("also if teams or workflows still name it")
    )


def delete(parameters: DeleteParameters, context: Context) -> Edited:
    """Remove the file of a resource that nothing names. A backup stays beside it.

    Raises:
      NotConfirmed: it would go, but that was not confirmed.
      ResourceError: there is no such file, several, or it is in use.
      OSError: it cannot be removed. In all cases nothing was.
    """
    change = ResourceEditor(context.places, context.project).delete(
        parameters.kind,
        parameters.name,
        scope=parameters.scope,
        force=parameters.force,
    )
    if not (parameters.confirm or parameters.dry_run):
        raise NotConfirmed(change)
    return carry_out(change, "deleted", context, dry_run=parameters.dry_run)


ACTION = Action[DeleteParameters, Edited](
    name="delete", parameters=DeleteParameters, handler=delete, text=edited_text
)
