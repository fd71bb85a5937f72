"""Runs whose files are hurt, and actions on them."""

import inspect
import sqlite3
from typing import Any

from crew_actors.commands import Context, build, load_action
from crew_actors.journal import RunFolder


async def carry_out(
    name: str, context: Context, /, **given: object
) -> tuple[Any, str, int]:
    """Carry out an action; return its result, its text and its exit code."""
    action = load_action(name)
    parameters: object = build(name, action.parameters, given)
    result = action.handler(parameters, context)
    if inspect.isawaitable(result):
        result = await result
    return result, action.text(result), action.exit_code(result)


def change(folder: RunFolder, statement: str) -> None:
    """Change the journal of a run behind its back."""
    db = sqlite3.connect(folder.database, isolation_level=None)
    try:
        db.execute(statement)
    finally:
        db.close()
