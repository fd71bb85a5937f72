"""`crew update`: change a resource, and keep what it was."""

import re
from typing import Final, Literal

import attrs

from crew_actors.commands._edited import Edited, carry_out, content_of, edited_text
from crew_actors.commands._schema import BadParameters, told
from crew_actors.commands._table import Action, Context
from crew_actors.resources import ResourceEditor

_NEXT: Final = re.compile(r",\s*(?=[A-Za-z][A-Za-z0-9_-]*=)")
_PAIR: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9_-]*)=(.*)", re.DOTALL)


@attrs.frozen(kw_only=True)
class UpdateParameters:
    """What to change."""

    kind: Literal["agent", "team", "workflow"] = attrs.field(
        metadata=told("what it is", positional=True)
    )
    name: str = attrs.field(metadata=told("its name", positional=True))
    set: str | None = attrs.field(
        default=None,
        metadata=told(
            "keys of its head as `key=value`, several with commas between; `key=` "
            "takes a key away"
        ),
    )
    content_file: str | None = attrs.field(
        default=None,
        metadata=told("take the whole file from here; - is the standard input"),
    )
    content: str | None = attrs.field(
        default=None, metadata=told("the whole file, as a text")
    )
    rename: str | None = attrs.field(default=None, metadata=told("give it this name"))
    update_references: bool = attrs.field(
        default=False,
        metadata=told("write the new name where teams of the same owner name it"),
    )
    scope: Literal["project", "user"] | None = attrs.field(
        default=None, metadata=told("which one, if both have one of that name")
    )
    dry_run: bool = attrs.field(
        default=False, metadata=told("show what would change; write nothing")
    )


def update(parameters: UpdateParameters, context: Context) -> Edited:
    """Change the file of a resource, if it then has no errors. A backup stays.

    Raises:
      BadParameters: nothing is to be changed, or it cannot be understood.
      ResourceError: there is no such file, or there would be errors.
      OSError: it cannot be written. In all cases nothing was.
    """
    content = content_of("update", parameters.content, parameters.content_file)
    values = _values(parameters.set or "")
    if content is None and not values and parameters.rename is None:
        message = "nothing is to be changed; use --set, --content-file or --rename"
        raise BadParameters("update", (message,))
    if parameters.update_references and parameters.rename is None:
        message = "--update-references: it goes with --rename"
        raise BadParameters("update", (message,))
    change = ResourceEditor(context.places, context.project).update(
        parameters.kind,
        parameters.name,
        scope=parameters.scope,
        content=content,
        values=values,
        rename=parameters.rename,
        update_references=parameters.update_references,
    )
    did: Literal["updated", "renamed"] = (
        "updated" if change.name == parameters.name else "renamed"
    )
    return carry_out(change, did, context, dry_run=parameters.dry_run)


def _values(text: str) -> dict[str, str]:
    """Take `a=1,b=x, y` apart: a comma with `key=` behind it begins the next one.

    Raises:
      BadParameters: it does not begin with a key, or names one twice.
    """
    values: dict[str, str] = {}
    for part in _NEXT.split(text) if text else ():
        pair = _PAIR.fullmatch(part)
        if pair is None:
            message = f"--set must be key=value, not {part!r}"
            raise BadParameters("update", (message,))
        if pair[1] in values:
            message = f"--set: {pair[1]!r} is given twice"
            raise BadParameters("update", (message,))
        values[pair[1]] = pair[2].strip(" \t")
    return values


ACTION = Action[UpdateParameters, Edited](
    name="update", parameters=UpdateParameters, handler=update, text=edited_text
)
