"""`crew show`: one resource in full."""

import shlex
from collections.abc import Callable, Mapping
from typing import Literal, assert_never

import attrs

from crew_actors.commands._layout import columns, paragraph
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.observe import clean, escaped
from crew_actors.resources import Agent, Skill, Team, Workflow, home_of, load_catalog


@attrs.frozen(kw_only=True)
class ShowParameters:
    """What to show."""

    kind: Literal["team", "agent", "workflow", "skill"] = attrs.field(
        metadata=told("what it is", positional=True)
    )
    name: str = attrs.field(metadata=told("its name", positional=True))


@attrs.frozen(kw_only=True)
class Shown:
    """One resource."""

    kind: str
    resource: Agent | Team | Workflow | Skill
    home: str | None = None
    """The home folder that an agent has instead of the user's."""


def show_resource(parameters: ShowParameters, context: Context) -> Shown:
    """Show one resource that can be used in the project.

    Raises:
      UnknownResource: there is none of that name.
      InvalidResource: its file has errors.
    """
    catalog = load_catalog(context.places, context.project)
    find: Mapping[str, Callable[[str], Agent | Team | Workflow | Skill]] = {
        "team": catalog.team,
        "agent": catalog.agent,
        "workflow": catalog.workflow,
        "skill": catalog.skill,
    }
    found = find[parameters.kind](parameters.name)
    home = home_of(catalog, found) if isinstance(found, Agent) else None
    return Shown(kind=parameters.kind, resource=found, home=home)


def _text(shown: Shown) -> str:
    resource = shown.resource
    source = resource.source
    head = [
        f"{shown.kind} {escaped(resource.name)}",
        *paragraph(resource.description),
        "",
        *columns(
            [
                ("from", f"{escaped(str(source.path))} ({source.tier})"),
                *((name, escaped(text)) for name, text in _facts(resource) if text),
                *([("home", escaped(shown.home))] if shown.home else []),
                *(
                    (escaped(key), f"{escaped(text)} (has no effect here)")
                    for key, text in _unused(resource).items()
                ),
            ],
            whole=True,
        ),
    ]
    return "\n".join([*head, *_body(resource)])


def _unused(resource: Agent | Team | Workflow | Skill) -> Mapping[str, str]:
    return {} if isinstance(resource, Skill) else resource.unused


def _named(names: tuple[str, ...] | None) -> str:
    """List *names*; nothing if nothing is said of them."""
    return "" if names is None else ", ".join(names) or "none"


def _facts(resource: Agent | Team | Workflow | Skill) -> list[tuple[str, str]]:
    match resource:
        case Agent(command=command):
            facts = [
                ("runtime", resource.runtime or "the agent program that is found"),
                ("model", resource.model or ""),
                ("else", ", ".join(resource.fallback_models)),
                ("tools", ", ".join(resource.tools or ())),
                ("MCP servers", ", ".join(resource.mcp)),
                ("keys", _named(resource.keys)),
                ("skills", ", ".join(resource.skills or ())),
                ("max turns", str(resource.max_turns or "")),
                ("memory", resource.memory or ""),
                ("result", resource.output_schema or ""),
                ("changes", "nothing" if resource.read_only else ""),
            ]
            if command is not None:
                facts += [
                    ("command", shlex.join(command.argv)),
                    ("input", command.input),
                    ("output", command.output),
                    ("variables", ", ".join(command.env)),
                    ("timeout", f"{command.timeout:g} s" if command.timeout else ""),
                    ("silence", f"{command.silence:g} s" if command.silence else ""),
                ]
            return facts
        case Team():
            limit = str(resource.max_concurrency or "")
            return [("workflow", resource.workflow or ""), ("at most", limit)]
        case Workflow():
            return [("at most", str(resource.max_concurrency or ""))]
        case Skill():
            return []
        case _:
            assert_never(resource)


def _body(resource: Agent | Team | Workflow | Skill) -> list[str]:
    match resource:
        case Skill(text=text):
            return ["", "text", *paragraph(text)]
        case Agent(prompt=prompt):
            return ["", "prompt", *paragraph(prompt)] if prompt.strip() else []
        case Team(roles=roles):
            rows = [
                (clean(role.name), clean(role.agent), clean(role.description))
                for role in roles
            ]
            return ["", "roles", *columns([("role", "agent", ""), *rows])]
        case Workflow(steps=steps):
            lines = [""]
            for step in steps:
                after = (
                    f", after {', '.join(step.depends_on)}" if step.depends_on else ""
                )
                output = f", writes {step.output}" if step.output else ""
                title = f"step {step.id} (role {step.role}{after}{output})"
                lines += [escaped(title), *paragraph(step.prompt), ""]
            return lines[:-1]
        case _:
            assert_never(resource)


ACTION = Action(
    name="show", parameters=ShowParameters, handler=show_resource, text=_text
)
