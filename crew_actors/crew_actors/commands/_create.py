"""`crew create`: an agent, a team or a workflow of one's own."""

from typing import Literal

import attrs

from crew_actors.commands._edited import Edited, carry_out, content_of, edited_text
from crew_actors.commands._schema import BadParameters, told
from crew_actors.commands._table import Action, Context
from crew_actors.resources import ResourceEditor


@attrs.frozen(kw_only=True)
class CreateParameters:
    """What to create."""

    kind: Literal["agent", "team", "workflow"] = attrs.field(
        metadata=told("what it is", positional=True)
    )
    name: str = attrs.field(metadata=told("its name", positional=True))
    description: str | None = attrs.field(
        default=None, metadata=told("what it is for, in one line")
    )
    from_: str | None = attrs.field(
        default=None, metadata=told("make it a copy of the one with this name")
    )
    scope: Literal["project", "user"] = attrs.field(
        default="project",
        metadata=told("whose it is: of this project (the default), or yours in all"),
    )
    content_file: str | None = attrs.field(
        default=None,
        metadata=told("take the whole file from here; - is the standard input"),
    )
    content: str | None = attrs.field(
        default=None, metadata=told("the whole file, as a text")
    )
    dry_run: bool = attrs.field(
        default=False, metadata=told("show what would be written; write nothing")
    )


def create(parameters: CreateParameters, context: Context) -> Edited:
    """Write the file of a new resource, if it has no errors.

    Raises:
      BadParameters: something is given twice, or cannot be read.
      ResourceError: there is one already, or it would have errors.
      OSError: it cannot be written. In all cases nothing was.
    """
    content = content_of("create", parameters.content, parameters.content_file)
    if content is not None and parameters.from_ is not None:
        message = "--from: a content is given, too; use one of them"
        raise BadParameters("create", (message,))
    change = ResourceEditor(context.places, context.project).create(
        parameters.kind,
        parameters.name,
        scope=parameters.scope,
        content=content,
        source=parameters.from_,
        description=parameters.description,
    )
    return carry_out(change, "created", context, dry_run=parameters.dry_run)


ACTION = Action[CreateParameters, Edited](
    name="create", parameters=CreateParameters, handler=create, text=edited_text
)
