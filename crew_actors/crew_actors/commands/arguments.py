# Command lines of actions, made from the description of their parameters. They only take
# in what is said: `build` checks it.
"""The words of a command line, and the parameters that they stand for."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import click

from crew_actors.commands._schema import BadParameters, Parameter, parameters_of
from crew_actors.commands._table import Action


def command_of(
    action: Action[Any, Any],
    callback: Callable[..., object],
    extras: Sequence[click.Parameter] = (),
    *,
    has_help: bool = True,
) -> click.Command:
    """Make the command of *action*; *callback* is given what was said, by name."""
    parameters = parameters_of(action.parameters)
    return click.Command(
        action.name,
        params=[*map(_shown, parameters), *extras],
        callback=callback,
        help="\n\n".join([action.summary, *_positionals(parameters)]),
        add_help_option=has_help,
    )


def read_words(action: Action[Any, Any], words: Sequence[str]) -> dict[str, object]:
    """Return what *words* say of the parameters of *action*, by name.

    Raises:
      BadParameters: there is no such option, or too much or too little is said.
    """
    command = command_of(action, _given, has_help=False)
    try:
        found = command.main(list(words), action.name, standalone_mode=False)
    except click.UsageError as error:
        raise BadParameters(action.name, (error.format_message(),)) from None
    return cast("dict[str, object]", found)


def _given(**given: object) -> dict[str, object]:
    return {name: value for name, value in given.items() if value not in (None, False)}


def _positionals(parameters: tuple[Parameter, ...]) -> list[str]:
    return [f"{one.name.upper()}: {one.help}." for one in parameters if one.positional]


def _shown(parameter: Parameter) -> click.Parameter:
    """Describe a parameter to click."""
    metavar = "|".join(parameter.choices) or parameter.name.upper()
    if parameter.positional:
        return click.Argument(
            [parameter.name],
            required=False,
            metavar=metavar if parameter.required else f"[{metavar}]",
        )
    name = parameter.label
    text = f"{parameter.help[0].upper()}{parameter.help[1:]}."
    if parameter.kind == "flag":
        return click.Option([name], is_flag=True, help=text)
    return click.Option(
        [name], metavar=metavar, help=text, multiple=parameter.kind == "texts"
    )
