# The English words that recommendations rest on. A stem of four letters or more stands
# for the words that begin with it.
"""Words and what they hint at."""

from collections.abc import Mapping
from typing import Final


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _weights(text: str) -> dict[str, int]:
    pairs = (one.split("=") for one in text.split())
    return {stem: int(weight) for stem, weight in pairs}


ORDER: Final = frozenset(_words("then afterwards afterward finally lastly"))
"""Words that put one part after another."""

JOINTS: Final = frozenset(_words("and then afterwards finally also lastly"))
"""Words between the parts of a sentence."""

FILLERS: Final = frozenset(
    _words(
        "a an the i we you please can could would need needs to want wants should let "
        "lets us s me my our help kindly just now"
    )
)
"""Words that say nothing about a task."""

CHANGING: Final = frozenset(
    _words(
        "adapt add build change clean convert create delete drop extend extract fix "
        "implement improve introduce make merge migrate move optimise optimize port "
        "refactor remove rename repair replace restructure rewrite simplify split "
        "support tidy translate update upgrade write"
    )
)
"""Verbs of tasks that change something."""

VERBS: Final = CHANGING | frozenset(
    _words(
        "analyse analyze audit benchmark check compare debug decide deploy describe "
        "design document draft evaluate examine explain explore find inspect "
        "investigate list map measure plan prepare profile publish read release report "
        "research review run study summarise summarize survey test trace understand "
        "validate verify"
    )
)
"""Words that begin a task."""

TEAMS: Final[Mapping[str, Mapping[str, int]]] = {
    "survey": _weights(
        "survey=3 overview=3 inventory=2 onboard=2 codebase=1 statistics=2 "
        "repository=1 tour=2"
    ),
    "review": _weights(
        "review=3 audit=3 security=2 vulnerab=3 inspect=2 critique=2 critici=2 "
        "weakness=2 injection=2"
    ),
    "research": _weights(
        "why=2 how=1 what=1 which=1 whether=1 explain=3 investigate=2 research=3 "
        "compare=3 understand=2 study=2 analy=2 summar=2 describe=2 explore=2 "
        "evaluate=2 find=1 trace=1"
    ),
    "fast-fix": _weights(
        "fix=3 bug=3 typo=3 crash=2 broken=2 fail=1 error=1 hotfix=3 repair=3 "
        "regression=2 fault=2 wrong=1 exception=1 traceback=2"
    ),
    "implementation": _weights(
        "implement=2 migrat=3 rewrite=3 redesign=3 refactor=2 architecture=2 feature=2 "
        "subsystem=2 integrat=1 port=2 restructure=3 introduce=1 framework=1"
    ),
    "default": _weights(
        "add=2 change=2 update=2 rename=2 remove=2 improve=2 support=1 replace=2 "
        "write=2 make=1 document=2 build=2 create=2 delete=2 extend=2 test=1"
    ),
}
"""For each built-in team, stems and how much they say."""

WIDE: Final = frozenset(
    _words("across entire whole comprehensive everywhere every all several subsystems")
)
"""Words of a question that is too wide for one reader."""

RISKY: Final = _words(
    "migrat rewrite redesign refactor restructure rename delete remove upgrade replace"
)
"""Stems of tasks that change much."""

ROLES: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("security-reviewer", _words("security vulnerab injection secrets")),
    ("reviewer", _words("review audit inspect")),
    ("critic", _words("critique critici")),
    ("verifier", _words("verify validat confirm")),
    ("test-engineer", _words("test benchmark coverage")),
    ("writer", _words("document docs readme changelog summar report draft")),
    ("planner", _words("plan design decid")),
    ("analyst", _words("analy compar evaluat requirement")),
    ("explorer", _words("explor find investigat trace map read why survey")),
)
"""Roles and the stems of their tasks."""

ALTERNATIVES: Final[Mapping[str, tuple[str, ...]]] = {
    "security-reviewer": ("reviewer", "auditor", "verifier"),
    "reviewer": ("verifier", "critic", "analyst"),
    "critic": ("reviewer", "verifier", "analyst"),
    "verifier": ("reviewer", "tester", "analyst"),
    "test-engineer": ("tester", "executor", "verifier"),
    "writer": ("executor", "analyst"),
    "planner": ("analyst", "executor"),
    "analyst": ("planner", "explorer"),
    "explorer": ("cartographer", "analyst"),
    "executor": ("analyst", "reviewer", "writer"),
}
"""For each role, those that do its work where it is missing, the best first."""
