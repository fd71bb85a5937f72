"""What became of resource files, as a result and in words."""

import difflib
from pathlib import Path
from typing import Final, Literal

import attrs

from crew_actors.commands._layout import shown_path
from crew_actors.commands._reading import read_text
from crew_actors.commands._schema import BadParameters
from crew_actors.commands._table import Context
from crew_actors.observe import escaped
from crew_actors.resources import Change, FileChange, Problem, Reference

Did = Literal["created", "updated", "renamed", "deleted"]

CONTENT_LIMIT: Final = 1 << 20
"""Bytes of a resource file."""


@attrs.frozen(kw_only=True)
class EditedFile:
    """One file that was changed, or would be."""

    path: Path
    removed: bool
    backup: Path | None
    """A copy of what it held before."""

    diff: str
    """What changes in it; empty if the change was made."""


@attrs.frozen(kw_only=True)
class Edited:
    """What became of a resource."""

    kind: str
    name: str
    did: Did
    tier: str
    path: Path
    written: bool
    """False if it was only tried, or if nothing had to be changed."""

    files: tuple[EditedFile, ...]
    references: tuple[Reference, ...]
    """Where the new name was written; of what was deleted, what still names it."""

    stands_in: str | None
    """Whose resource answers to the name that was given up, if any."""

    warnings: tuple[Problem, ...]


def carry_out(change: Change, did: Did, context: Context, *, dry_run: bool) -> Edited:
    """Make *change*, or only tell what it would do.

    Raises:
      ResourceError, OSError: it cannot be made. Nothing is left of it.
    """
    backups: tuple[Path | None, ...] = (None,) * len(change.files)
    if not dry_run:
        backups = change.make(now=context.now())
    return Edited(
        kind=change.kind,
        name=change.name,
        did=did,
        tier=change.tier,
        path=change.path,
        written=bool(change.files) and not dry_run,
        files=tuple(
            EditedFile(
                path=one.path,
                removed=one.after is None,
                backup=backup,
                diff=_diff(one) if dry_run else "",
            )
            for one, backup in zip(change.files, backups, strict=True)
        ),
        references=change.references,
        stands_in=change.stands_in,
        warnings=change.warnings,
    )


def _diff(change: FileChange) -> str:
    before, after = (
        "" if one is None else one.decode() for one in (change.before, change.after)
    )
    rows = difflib.unified_diff(
        before.splitlines(), after.splitlines(), "before", "after", lineterm="", n=2
    )
    return "\n".join(rows)


def edited_text(edited: Edited) -> str:
    """Tell a person what became of a resource."""
    subject = f"{edited.kind} {escaped(edited.name)}"
    if not edited.files:
        return f"{subject} is like that already: {shown_path(edited.path)}"
    done = edited.did if edited.written else f"would be {edited.did}"
    lines = [f"{subject} {done}: {shown_path(edited.path)}"]
    for one in edited.files:
        if one.path != edited.path:
            how = "removed" if one.removed else "changed"
            lines.append(f"  {how}: {shown_path(one.path)}")
        if one.backup is not None:
            lines.append(f"  backup: {shown_path(one.backup)}")
        lines += [f"    {escaped(row)}" for row in one.diff.splitlines()]
    verb = "still named by" if edited.did == "deleted" else "named by"
    lines += [f"  {verb}: {escaped(str(one))}" for one in edited.references]
    if edited.stands_in is not None:
        lines.append(f"  its name now means the {edited.stands_in} one")
    lines += [f"  {escaped(str(problem))}" for problem in edited.warnings]
    if not edited.written:
        lines.append("Nothing was written.")
    return "\n".join(lines)


def content_of(action: str, content: str | None, path: str | None) -> str | None:
    """Return the text of a file that is given as it is, or by its path, or not at all.

    Raises:
      BadParameters: it is given twice, or cannot be read.
    """
    if path is None:
        return content
    if content is not None:
        message = "--content-file: --content is given, too; use one of them"
        raise BadParameters(action, (message,))
    return read_text(action, "--content-file", path, limit=CONTENT_LIMIT)
