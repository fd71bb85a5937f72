"""What tests of changes share: a team of one, and what stands on the disk."""

from pathlib import Path

from crew_actors.resources import Change

NOW = 1_767_323_045.0
AGENT = "---\nname: {}\n---\n# kept\n\nWork.\n"
TEAM = "---\nname: duo\nworkflow: pair\n---\n\n- build: agent=maker\n- maker: also\n"
WORKFLOW = "---\nname: pair\n---\n\n## build\n\n{goal}\n\n## maker\n\n{goal}\n"


def make(change: Change) -> tuple[Path | None, ...]:
    return change.make(now=NOW)


def everything(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
