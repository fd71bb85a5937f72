# Risky lines in source code. Pure: a text in, risks out.
#
# 1. As with secrets, a fixed word is searched first and a pattern is tried only on
#    the line around it, in at most LINE characters on each side.
# 2. A line that is a comment is no risk.
# 3. Tests call what they like: only conflicts are looked for in them. What is in
#    examples and documents is one step less severe.
"""Risky places in source code."""

import re
from collections.abc import Iterator

import attrs

from crew_actors.survey._paths import (
    file_name,
    is_foreign,
    is_sample,
    is_test,
    suffix_of,
)
from crew_actors.survey._python_calls import TLS, risky_calls
from crew_actors.survey._risks import Advice, Risk, lowered
from crew_actors.survey._text import LineNumbers

LINE = 600
_SHELL = frozenset(
    [
        ".sh",
        ".bash",
        ".zsh",
        ".yml",
        ".yaml",
        ".mk",
        ".ps1",
        ".cfg",
        ".toml",
        ".json",
        ".md",
        ".rst",
        ".txt",
    ]
) | {""}
_SCRIPT = frozenset(
    [".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".vue", ".svelte", ".html"]
)
_WORKFLOW = frozenset({".yml", ".yaml"})
_EVAL = Advice("medium", "eval", "runs text as code", "parse the text instead")
_PIPED = Advice(
    "medium",
    "download piped into a shell",
    "runs whatever the server sends, unseen",
    "download, check a checksum, then run",
)
_RAW = Advice(
    "low",
    "raw HTML",
    "puts text into the page unescaped",
    "make sure that it is sanitised, or render text",
)
_FORK = Advice(
    "medium",
    "workflow with secrets for strangers",
    "a pull request from a fork runs with the repository's secrets",
    "use pull_request, or never check out the fork's code here",
)
_MAY_ALL = Advice(
    "medium",
    "workflow may do everything",
    "a step that is taken over can change the repository",
    "name the permissions that the job needs",
)
_UNPINNED = Advice(
    "low",
    "action not pinned",
    "the code of the step changes without a commit here",
    "pin a version, best a commit",
)
_CONFLICT = Advice(
    "high",
    "merge conflict",
    "conflict markers were committed",
    "resolve the conflict",
)


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@attrs.frozen
class _Rule:
    word: str
    pattern: re.Pattern[str] = attrs.field(converter=_compiled)
    suffixes: frozenset[str]
    advice: Advice


_RULES = (
    _Rule(
        "| ",
        r"\b(?:curl|wget)\b[^|\n]{0,400}\|\s{0,5}(?:sudo\s{1,5})?(?:-E\s{1,5})?"
        r"(?:ba|z|da|k)?sh\b",
        _SHELL,
        _PIPED,
    ),
    _Rule("eval(", r"(?:^|[^\w.$])eval\(\s{0,5}[^)\s]", _SCRIPT, _EVAL),
    _Rule("new Function(", r"\bnew Function\(", _SCRIPT, _EVAL),
    _Rule("dangerouslySetInnerHTML", "dangerouslySetInnerHTML", _SCRIPT, _RAW),
    _Rule(
        "rejectUnauthorized",
        r"rejectUnauthorized['\"]?\s{0,5}:\s{0,5}false",
        _SCRIPT,
        TLS,
    ),
    _Rule(
        "NODE_TLS_REJECT_UNAUTHORIZED",
        r"NODE_TLS_REJECT_UNAUTHORIZED['\"\]]{0,3}\s{0,3}[=:]\s{0,3}['\"]?0",
        _SCRIPT | _SHELL,
        TLS,
    ),
    _Rule(
        "InsecureSkipVerify",
        r"InsecureSkipVerify:\s{0,5}true",
        frozenset({".go"}),
        TLS,
    ),
    _Rule(
        "pull_request_target",
        r"^\s{0,20}-?\s{0,5}(?:on:\s{0,5})?pull_request_target\b",
        _WORKFLOW,
        _FORK,
    ),
    _Rule("write-all", r"^\s{0,20}permissions:\s{1,5}write-all", _WORKFLOW, _MAY_ALL),
    _Rule(
        "uses:",
        r"^\s{0,20}-?\s{0,5}uses:\s{0,5}['\"]?[\w./-]{1,100}@(?:main|master|latest)\b",
        _WORKFLOW,
        _UNPINNED,
    ),
)


def risky_places(path: str, text: str) -> Iterator[Risk]:
    """Yield the risky places of the file *path*."""
    sample = is_sample(path)
    line = _conflict(text)
    if line:
        yield _CONFLICT.at(path, line, "low" if sample else "high")
    if is_foreign(path) or is_test(path):
        return
    python = suffix_of(path) in {".py", ".pyw"}
    for risk in risky_calls(path, text) if python else _ruled(path, text):
        severity = lowered(risk.severity) if sample else risk.severity
        yield attrs.evolve(risk, severity=severity)


def _ruled(path: str, text: str) -> Iterator[Risk]:
    numbers = LineNumbers(text)
    named = file_name(path).startswith(("Dockerfile", "Containerfile", "Makefile"))
    suffix = "" if named else suffix_of(path)
    for rule in _RULES:
        if suffix not in rule.suffixes:
            continue
        for at, line in _lines_with(text, rule.word):
            comment = line.lstrip().startswith(("//", "#", "*"))
            if rule.pattern.search(line) and not comment:
                yield rule.advice.at(path, numbers.at(at))


def _lines_with(text: str, word: str) -> Iterator[tuple[int, str]]:
    """Yield the place of *word* and the line around it, once for each line."""
    at = text.find(word)
    while at >= 0:
        start = max(text.rfind("\n", max(0, at - LINE), at) + 1, at - LINE, 0)
        end = text.find("\n", at, at + LINE)
        end = end if end >= 0 else at + LINE
        yield at, text[start:end]
        at = text.find(word, end)


def _conflict(text: str) -> int:
    """Return the line of the first merge conflict in *text*, or 0."""
    start = 0 if text.startswith("<<<<<<< ") else text.find("\n<<<<<<< ") + 1
    if not text.startswith("<<<<<<< ", start):
        return 0
    middle = text.find("\n=======\n", start)
    if middle < 0 or text.find("\n>>>>>>> ", middle) < 0:
        return 0
    return text.count("\n", 0, start) + 1
