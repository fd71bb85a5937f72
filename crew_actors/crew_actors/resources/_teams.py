"""One team from one markdown file."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from crew_actors.resources._files import SourceFile, name_and_description
from crew_actors.resources._frontmatter import split_document
from crew_actors.resources._problems import Findings, nearest
from crew_actors.resources._reader import NAME_RULE, Reader, is_name
from crew_actors.resources._resources import Role, Team
from crew_actors.resources._sections import fenced

MAX_CONCURRENCY: Final = 1024

_MAX_ROLES: Final = 1000
_MODES: Final = ("single", "worktree")
_ROLE_KEYS: Final = ("agent", "model", "maxConcurrency", "skills")
IDLE_KEYS: Final = {
    "workspaceMode": "single",
    "source": "",
    "triggers": "",
    "trigger": "",
    "useWhen": "",
    "avoidWhen": "",
    "cost": "",
    "category": "",
}

_BULLET = re.compile(r"[ \t]*-[ \t]+(.*)")
_LIST = re.compile(r"\bskills[ \t]*=[ \t]*([\w-]+(?:[ \t]*,[ \t]*[\w-]+)*)")
_SETTING = re.compile(r"\b(agent|model|maxConcurrency)[ \t]*=[ \t]*(\S+)")
_LEADING = re.compile(r"[ \t]*([A-Za-z_-]+)=\S")


def parse_team(file: SourceFile, findings: Findings) -> Team:
    """Read a team. What is wrong goes into *findings*. Never raises."""
    document = split_document(file.text, findings)
    reader = Reader(document.fields, findings, line=1)
    name, description = name_and_description(file, reader)
    reader.choice("workspaceMode", _MODES)
    return Team(
        name=name,
        description=description,
        workflow=reader.word(reader.either("defaultWorkflow", "workflow")),
        roles=_roles(document.body, document.body_line, findings),
        max_concurrency=reader.integer("maxConcurrency", MAX_CONCURRENCY),
        unused=reader.rest(IDLE_KEYS),
        source=file.source,
    )


def _roles(body: Sequence[str], first: int, findings: Findings) -> tuple[Role, ...]:
    inside, open_fence = fenced(body)
    if open_fence is not None:
        message = "this code fence has no end; roles below it would not be seen"
        findings.error(first + open_fence, "", message)
    roles: list[Role] = []
    for index, row in enumerate(body):
        bullet = None if inside[index] else _BULLET.fullmatch(row)
        if bullet:
            role = _role(bullet[1].strip(), first + index, findings)
            if role is not None:
                roles.append(role)
    if len(roles) > _MAX_ROLES:
        findings.error(None, "", f"has more than {_MAX_ROLES} roles")
        return ()
    return tuple(roles)


def _role(text: str, line: int, findings: Findings) -> Role | None:
    name, colon, rest = text.partition(":")
    name = name.strip()
    if not is_name(name):
        if colon and "=" in rest:
            findings.error(line, "role", f"{name!r} is no name; {NAME_RULE}")
        else:
            findings.warning(line, "", "this item is no role; it is ignored")
        return None
    settings: dict[str, str] = {}
    for key, value in _settings(rest):
        if key in settings:
            findings.error(line, name, f"{key} is set twice")
        settings[key] = value
    rest = _SETTING.sub(" ", _LIST.sub(" ", rest))
    unknown = _LEADING.match(rest)
    if unknown:
        near = nearest(unknown[1], _ROLE_KEYS)
        message = f"{unknown[1]!r} is not known, and is taken as description"
        findings.warning(line, name, message, near)
    skills = settings.get("skills")
    return Role(
        name=name,
        agent=settings.get("agent", name),
        description=" ".join(rest.split()),
        model=settings.get("model"),
        skills=_skills(skills),
        max_concurrency=_limit(settings.get("maxConcurrency"), name, line, findings),
        line=line,
    )


def _settings(text: str) -> Iterator[tuple[str, str]]:
    for match in _LIST.finditer(text):
        yield "skills", match[1]
    for match in _SETTING.finditer(_LIST.sub(" ", text)):
        yield match[1], match[2]


def _skills(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    if text == "false":
        return ()
    return tuple(dict.fromkeys(part.strip() for part in text.split(",")))


def _limit(text: str | None, role: str, line: int, findings: Findings) -> int | None:
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,4}", text) and 1 <= int(text) <= MAX_CONCURRENCY:
        return int(text)
    message = f"expects a whole number from 1 to {MAX_CONCURRENCY}, not {text!r}"
    findings.error(line, f"{role}.maxConcurrency", message)
    return None
