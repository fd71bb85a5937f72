# The first sentence of a README, or what a manifest says. Pure.
"""What a project says it is."""

import re

from crew_actors.survey._shown import one_line

_HEAD = 20_000
_SENTENCE = 400
_COMMENT = re.compile(r"<!--.{0,5000}?-->", re.DOTALL)
_TAG = re.compile(r"<[^<>]{0,2000}>")
_IMAGE = re.compile(r"!\[[^\[\]]{0,500}\](?:\([^()\n]{0,1000}\)|\[[^\[\]]{0,200}\])")
_LINK = re.compile(r"\[([^\[\]]{0,500})\](?:\([^()\n]{0,1000}\)|\[[^\[\]]{0,200}\])")
_RST_LINK = re.compile(r"`([^`<\n]{1,300}?)\s{0,3}(?:<[^`>\n]{0,500}>)?`_{1,2}")
_RULE = re.compile(r"[=\-~^*#\"'`+_.:]{3,}")
_SKIPPED = ("#", "..", "|", ">", ":", "```", "[!", "---", "***", "===", "{%", "{{")
_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(`*_\[])")
_ABBREVIATED = (" e.g.", " i.e.", " etc.", " vs.", " cf.", " Dr.", " Mr.", " St.")


def readme_title(text: str) -> str:
    """Return the first heading of a README, or ""."""
    lines = [line.strip() for line in _plain(text).split("\n")]
    for number, line in enumerate(lines[:60]):
        if line.startswith("# "):
            return one_line(line.strip("# "), 80)
        below = lines[number + 1] if number + 1 < len(lines) else ""
        if line and _RULE.fullmatch(below) and not _RULE.fullmatch(line):
            return one_line(line, 80)
    return ""


def first_sentence(text: str) -> str:
    """Return the first sentence of prose in a README, or ""."""
    fenced = False
    paragraph: list[str] = []
    lines = _plain(text).split("\n")
    for number, line in enumerate(lines):
        stripped = line.strip()
        below = lines[number + 1].strip() if number + 1 < len(lines) else ""
        if stripped.startswith(("```", "~~~")):
            fenced = not fenced
        if not fenced and _is_prose(line, stripped, below):
            paragraph.append(stripped)
        elif paragraph and _is_enough(paragraph):
            break
        else:
            paragraph.clear()
    return _sentence(" ".join(paragraph)) if _is_enough(paragraph) else ""


def summary_line(text: str) -> str:
    """Return the first sentence of a docstring or a description."""
    first, _, rest = text.strip().partition("\n\n")
    if " " not in first.strip():  # only the name of the thing
        first = rest.partition("\n\n")[0]
    return _sentence(" ".join(first.split()))


def _is_prose(line: str, stripped: str, below: str) -> bool:
    return (
        bool(stripped)
        and not stripped.startswith(_SKIPPED)
        and not line.startswith(("    ", "\t", "- ", "* "))
        and not _RULE.fullmatch(stripped)
        and not (len(below) >= 3 and _RULE.fullmatch(below))  # noqa: PLR2004 (a heading)
    )


def _is_enough(paragraph: list[str]) -> bool:
    return sum(char.isalpha() for line in paragraph for char in line) >= 15  # noqa: PLR2004 (no badge)


def _plain(text: str) -> str:
    plain = _COMMENT.sub("", text[:_HEAD].replace("\r\n", "\n"))
    plain = _LINK.sub(r"\1", _IMAGE.sub("", plain))
    return _RST_LINK.sub(r"\1", _TAG.sub("", plain))


def _sentence(text: str) -> str:
    text = re.sub(r"\*\*|__|``", "", text[: 4 * _SENTENCE])
    end = 0
    for found in _END.finditer(text):
        end = found.start()
        if not text[:end].endswith(_ABBREVIATED):
            break
        end = 0
    return one_line(text[:end] if end else text, _SENTENCE)
