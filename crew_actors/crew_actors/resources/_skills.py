# Skills: texts that tell an agent how to do something well, each in a folder of its own.
#
# 1. Tiers and names are those of the other resources: a user's skill replaces a built-in
#    one, a project's adds. What is not in its folder by its real path is refused.
# 2. The texts of a task are bounded one by one and in all. They are part of its plan:
#    what changes on disk later changes no run.
"""Find skills, and choose what of them an agent is told."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs

from crew_actors.model import SkillText
from crew_actors.places import Places, Project
from crew_actors.resources._discover import (
    BUILTIN,
    MAX_FILES,
    content_of,
    project_folder,
    reason_of,
    unread,
)
from crew_actors.resources._frontmatter import split_document
from crew_actors.resources._problems import Findings, Problem, Severity, printable
from crew_actors.resources._reader import NAME_RULE, Reader, is_name
from crew_actors.resources._resources import Skill, Source, Tier

MAX_SKILLS: Final = 32
"""Skills that one task may have; the others are left out."""

MAX_TEXT: Final = 1_500
"""Characters of one skill that an agent is given."""

MAX_TEXTS: Final = 6_000
"""Characters of all skills of one task."""

_FILE: Final = "SKILL.md"

# Keys of other programs that ask for nothing which would be missed here.
_IDLE_KEYS: Final = {"license": "", "metadata": "", "version": "", "compatibility": ""}


@attrs.frozen
class _Shelf:
    tier: Tier
    path: Path
    within: Path | None = None
    """What it must really lie in; None if it may lie anywhere."""

    foreign: bool = False
    """Whether it was made for another program, whose names it may repeat."""


@attrs.define
class _Found:
    skills: dict[str, Skill] = attrs.field(factory=dict[str, Skill], init=False)
    problems: list[Problem] = attrs.field(factory=list[Problem], init=False)

    def add(self, skill: Skill, *, foreign: bool) -> None:
        """Put *skill* on the shelf, or say why it may not have its name."""
        for other in self.skills.values():
            if other.name.casefold() != skill.name.casefold():
                continue
            same_tier = other.source.tier == skill.source.tier
            if not same_tier and skill.source.tier != "project":
                continue
            whose = printable(str(other.source.path)) if same_tier else ""
            message = (
                f"{other.name!r} is already defined in {whose}"
                if same_tier
                else f"{other.name!r} is the name of a {other.source.tier} skill"
            )
            way_out = f"{message}; this file is ignored, give it another name"
            severity: Severity = "warning" if foreign else "error"
            self.problems.append(
                Problem(severity, skill.source.path, None, "name", way_out)
            )
            return
        self.skills = {
            name: one
            for name, one in self.skills.items()
            if name.casefold() != skill.name.casefold()
        }
        self.skills[skill.name] = skill


def find_skills(
    places: Places, project: Project | None
) -> tuple[Mapping[str, Skill], tuple[Problem, ...]]:
    """Find the skills that can be used from *project*, by name; and what is wrong.

    Reads files, and waits for the disk. Never raises because of a file.
    """
    found = _Found()
    for shelf in _shelves(places, project):
        for one in _read_shelf(shelf, found.problems):
            found.add(one, foreign=shelf.foreign)
    return dict(sorted(found.skills.items())), tuple(found.problems)


def _shelves(places: Places, project: Project | None) -> Iterator[_Shelf]:
    yield _Shelf("builtin", BUILTIN / "skills")
    yield _Shelf("user", places.config / "skills")
    if project is None:
        return
    root = project.root
    own = {project.crew_dir, project_folder(project)}
    for folder in sorted(own):
        yield _Shelf("project", folder / "skills", within=root)
    for folder in (root / "skills", root / ".claude" / "skills"):
        yield _Shelf("project", folder, within=root, foreign=True)


def _read_shelf(shelf: _Shelf, problems: list[Problem]) -> Iterator[Skill]:
    try:
        home = shelf.path.resolve(strict=True)
        names = sorted(entry.name for entry in home.iterdir())
        within = shelf.within.resolve() if shelf.within else home
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, RuntimeError) as error:  # RuntimeError: links that form a loop
        problems.append(unread(shelf.path, f"cannot be read: {reason_of(error)}"))
        return
    if not home.is_relative_to(within):
        message = "is a link that leads out of the project"
        problems.append(unread(shelf.path, message))
        return
    names = [name for name in names if not name.startswith(".")]
    if len(names) > MAX_FILES:
        message = f"has {len(names)} entries; only the first {MAX_FILES} are looked at"
        problems.append(unread(shelf.path, message))
    for name in names[:MAX_FILES]:
        skill = _read_skill(shelf, home, name, problems)
        if skill is not None:
            yield skill


def _read_skill(
    shelf: _Shelf, home: Path, name: str, problems: list[Problem]
) -> Skill | None:
    path = shelf.path / name / _FILE
    try:
        real = (home / name / _FILE).resolve(strict=True)
        if not real.is_relative_to(home):
            problems.append(unread(path, "is a link that leads out of its folder"))
            return None
        content = content_of(real)
        text = content.decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None  # no skill, and nobody said that it is one
    except UnicodeDecodeError:
        problems.append(unread(path, "is not UTF-8"))
        return None
    except (OSError, RuntimeError) as error:
        problems.append(unread(path, f"cannot be read: {reason_of(error)}"))
        return None
    source = Source(shelf.tier, path, hashlib.sha256(content).hexdigest())
    findings = Findings(path)
    skill = parse_skill(name, text, source, findings, foreign=shelf.foreign)
    problems += findings.problems
    return None if findings.has_errors else skill


def parse_skill(
    name: str, text: str, source: Source, findings: Findings, *, foreign: bool = False
) -> Skill:
    """Read the skill in folder *name*. What is wrong goes into *findings*.

    Never raises. Keys that only another program knows are no news where the file was
    made for one.
    """
    document = split_document(text, findings)
    reader = Reader(document.fields, findings, line=1)
    said = reader.text("name")
    if said is not None and said != name:
        message = f"{said!r} is not what its folder is called, which counts"
        reader.warning("name", message)
    if not is_name(name):
        findings.error(None, "name", f"{name!r} is no name; {NAME_RULE}")
    body = "\n".join(document.body).strip()
    if not body:
        findings.error(None, "", "says nothing: its text belongs below the keys")
    description = reader.text("description") or ""
    if not foreign:
        reader.rest(_IDLE_KEYS)
    return Skill(name=name, description=description, text=body, source=source)


def skill_texts(
    skills: Mapping[str, Skill], names: Sequence[str]
) -> tuple[SkillText, ...]:
    """Choose what an agent is told of the skills called *names*, within the limits.

    A name that there is no skill for has no text.
    """
    chosen: list[SkillText] = []
    room = MAX_TEXTS
    for name in names[:MAX_SKILLS]:
        skill = skills.get(name)
        if skill is None:
            continue
        text = skill.text[: min(MAX_TEXT, room)]
        room -= len(text)
        chosen.append(
            SkillText(
                name=name,
                text=text,
                left_out=len(skill.text) - len(text),
                path=str(skill.source.path),
            )
        )
    return tuple(chosen)
