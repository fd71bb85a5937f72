"""What the history says, and what is said when there is none."""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from crew_actors.survey._data import View
from crew_actors.survey._git import find_git
from crew_actors.survey._historian import Depth, read_history
from crew_actors.survey._history_log import Commit, numbers_of, read_commits
from crew_actors.survey._people import author_name, bus_factor, months_between
from crew_actors.survey._report_history import history

Write = Callable[[Mapping[str, str | bytes]], Path]
Survey = Callable[[str, Path], dict[str, Any]]

_NAME = st.text(
    st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1
)
_FIELD = st.text(st.characters(exclude_characters="\0\n", exclude_categories=["Cs"]))


@given(
    st.lists(
        st.tuples(
            st.from_regex("[0-9a-f]{40}", fullmatch=True),
            _FIELD,
            _FIELD,
            _FIELD,
            st.lists(_NAME),
        )
    )
)
def test_commits_are_read_whatever_their_files_are_called(
    rows: list[tuple[str, str, str, str, list[str]]],
) -> None:
    tokens: list[str] = []
    for commit, date, author, subject, files in rows:
        tokens += ["", commit, date, author, subject, ""]
        tokens += [
            ("\n" if number == 0 else "") + name for number, name in enumerate(files)
        ]
    wanted = [Commit(a, b, c, d, tuple(files)) for a, b, c, d, files in rows]
    assert list(read_commits(tokens, 1000)) == wanted


def test_a_torn_log_is_read_as_far_as_it_goes() -> None:
    assert list(read_commits(["noise", "", "abc", "2024-01-01"], 5)) == [
        Commit("abc", "2024-01-01", "", "")
    ]
    assert list(read_commits(["", "", ""], 5)) == []


def test_of_a_commit_only_so_many_files_are_kept() -> None:
    tokens = ["", "abc", "d", "a", "s", "", "\n1", "2", "3"]
    assert next(read_commits(tokens, 2)).files == ("1", "2")


@pytest.mark.parametrize(
    ("line", "numbers"),
    [
        ("1\t2\ta\tb", (1, 2, "a\tb")),
        ("-\t-\tx.png", (0, 0, "x.png")),
        ("x\t1\ta", None),
        ("1\t2", None),
        ("", None),
    ],
)
def test_a_line_of_numstat_is_read_or_refused(
    line: str, numbers: tuple[int, int, str] | None
) -> None:
    assert numbers_of(line) == numbers


def test_the_bus_factor_is_who_made_more_than_half() -> None:
    assert bus_factor(Counter(a=5, b=5)) == 2
    assert bus_factor(Counter(a=6, b=5)) == 1
    assert bus_factor(Counter({"a": 1, "dependabot[bot]": 99})) == 1
    assert bus_factor(Counter()) == 0


def test_months_are_counted_and_a_bad_day_is_far_away() -> None:
    assert months_between("2023-11-30", "2024-02-01") == 3
    assert months_between("", "2024-02-01") == 1_000_000


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ada", "Ada"),
        ("ada@example.org", "ada"),
        ("@x", "(no name)"),
        ("", "(no name)"),
        ("A\tB", "A B"),
    ],
)
def test_no_address_is_shown(name: str, shown: str) -> None:
    assert author_name(name) == shown


def _history(repository: Write, git: Callable[..., str]) -> Path:
    root = repository({"a.py": "1\n", "b/c.py": "1\n", "gone.py": ""})
    for number in range(3):
        (root / "a.py").write_text(f"{number}\n" * 10)
        git(
            root,
            "commit",
            "-qam",
            f"change {number}",
            GIT_AUTHOR_NAME="Bob",
            GIT_AUTHOR_EMAIL="bob@secret.example",
            GIT_AUTHOR_DATE=f"2024-0{4 + 2 * number}-01T00:00:00Z",
        )
    git(root, "rm", "-q", "gone.py")
    git(root, "mv", "b/c.py", "b/we\n|ird`.py")
    git(root, "commit", "-qm", "move", GIT_AUTHOR_DATE="2024-08-02T00:00:00Z")
    git(root, "tag", "v1")
    return root


def test_a_history_is_told_by_people_files_and_months(
    repository: Write, git: Callable[..., str], survey: Survey
) -> None:
    root = _history(repository, git)
    result = survey("historian", root)
    data = result["data"]
    assert (data["state"], data["commits"], data["first"], data["last"]) == (
        "ok",
        5,
        "2024-03-01",
        "2024-08-02",
    )
    assert [(one["name"], one["commits"]) for one in data["authors"]] == [
        ("Bob", 3),
        ("Ada", 2),
    ]
    assert data["bus_factor"] == 1
    assert data["hot_spots"][0] == {"path": "a.py", "changes": 4, "authors": 2}
    assert "gone.py" not in {one["path"] for one in data["hot_spots"]}
    assert r"b/we\n|ird`.py" in {one["path"] for one in data["hot_spots"]}
    assert [(one["month"], one["commits"]) for one in data["months"]] == [
        ("2024-03", 1), ("2024-04", 1), ("2024-05", 0), ("2024-06", 1), ("2024-07", 0), ("2024-08", 2)
    ]  # fmt: skip
    assert data["churn"][0] == {
        "path": "a.py",
        "added": 31,
        "deleted": 21,
        "commits": 4,
    }
    assert data["large_commits"][0]["subject"] == "change 2"
    assert data["tags"] == [{"name": "v1", "date": "2024-03-01"}]
    assert {one["path"] for one in data["active_folders"]} == {".", "b"}
    assert "secret.example" not in str(result)
    assert "5 commits from 2024-03-01" in result["text"]


def test_a_history_is_told_the_same_each_time(
    repository: Write, git: Callable[..., str], survey: Survey
) -> None:
    root = _history(repository, git)
    assert survey("historian", root) == survey("historian", root)


def test_a_folder_in_a_repository_has_its_own_history(
    repository: Write, git: Callable[..., str], survey: Survey
) -> None:
    root = _history(repository, git)
    data = survey("historian", root / "b")["data"]
    assert data["folder_only"]
    assert data["commits"] == 2
    assert data["hot_spots"][0]["path"] == r"we\n|ird`.py"


def test_each_look_is_bounded_and_says_so(
    repository: Write, git: Callable[..., str], environ: dict[str, str]
) -> None:
    root = _history(repository, git)
    data = read_history(
        find_git(root, environ), lambda _: None, Depth(people=3, files=2, lines=1)
    )
    assert data["commits"] == 3
    assert data["commits_with_files"] == 2
    assert data["commits_with_lines"] == 1
    assert data["not_seen"] == [
        "only the last 3 commits were counted",
        "changed files are those of the last 2 commits",
    ]


def test_a_shallow_clone_says_that_it_is_one(
    repository: Write, git: Callable[..., str], survey: Survey, tmp_path: Path
) -> None:
    root = _history(repository, git)
    git(tmp_path, "clone", "-q", "--depth=1", root.as_uri(), "clone")
    data = survey("historian", tmp_path / "clone")["data"]
    assert data["shallow"]
    assert data["commits"] == 1
    assert "shallow" in data["not_seen"][0]


def test_without_commits_the_repository_is_empty(
    write: Write, git: Callable[..., str], survey: Survey
) -> None:
    root = write({"a": ""})
    git(root, "init", "-q")
    result = survey("historian", root)
    assert result["data"]["state"] == "empty"
    assert "no commits yet" in result["text"]


def test_outside_of_a_repository_there_is_no_history(
    write: Write, survey: Survey
) -> None:
    assert survey("historian", write({"a": ""}))["data"]["state"] == "not a repository"


def test_without_git_there_is_no_history(
    write: Write, messages: Callable[..., tuple[int, list[dict[str, Any]]]]
) -> None:
    code, said = messages("historian", write({"a": ""}), PATH="/nowhere")
    assert code == 0
    assert said[-1]["data"]["state"] == "no git"
    assert "not installed" in said[-1]["text"]


def _fake_git(root: Path, text: str) -> str:
    path = root / "bin" / "git"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path.parent)


def test_a_repository_of_another_user_is_refused_politely(
    write: Write, environ: dict[str, str]
) -> None:
    root = write({"a": ""})
    path = _fake_git(
        root, "echo 'fatal: detected dubious ownership in repository' >&2; exit 128"
    )
    data = read_history(
        find_git(root, environ | {"PATH": f"{path}:{environ['PATH']}"}), lambda _: None
    )
    assert data["state"] == "refused"


def test_a_git_that_fails_half_way_gives_its_whole_commits(
    write: Write, environ: dict[str, str]
) -> None:
    root = write({"a": ""})
    path = _fake_git(
        root,
        'case "$*" in *is-inside*) printf "true\\nfalse\\n\\n";; *verify*) exit 0;; *log*) '
        'printf "\\0abc\\0bad-date\\0Ada\\0subject\\0\\0\\nno numbers\\0\\0torn\\0"; exit 1;; *) exit 1;; esac',
    )
    data = read_history(
        find_git(root, environ | {"PATH": f"{path}:{environ['PATH']}"}), lambda _: None
    )
    assert data["state"] == "ok"
    assert data["commits"] == 1
    assert data["months"] == []
    assert data["tags"] == []
    assert isinstance(data["not_seen"], list)
    assert len(data["not_seen"]) == 3


def _text(data: dict[str, Any]) -> str:
    return "\n".join(history(View(data)))


def test_one_commit_makes_no_file_stand_out(repository: Write, survey: Survey) -> None:
    text = survey("historian", repository({"a.py": "1\n", "b/c.py": "1\n"}))["text"]
    assert "There is one commit" in text
    assert "Changed most often" not in text
    assert "Active in" not in text


@pytest.mark.parametrize(
    ("changes", "commits", "files", "folders", "level"),
    [
        ((3, 3), (2, 2), False, False, True),
        ((3, 3), (2, 1), False, True, True),
        ((3, 2), (2, 2), True, False, False),
        ((3, 1), (2, 1), True, True, False),
        ((3,), (2,), True, True, False),
        ((), (), False, False, False),
    ],
)
def test_a_ranking_in_which_all_are_equal_is_left_out(
    changes: tuple[int, ...],
    commits: tuple[int, ...],
    files: bool,
    folders: bool,
    level: bool,
) -> None:
    text = _text(
        {
            "state": "ok",
            "commits": 9,
            "hot_spots": [
                {"path": f"{at}.py", "changes": count, "authors": 1}
                for at, count in enumerate(changes)
            ],
            "active_folders": [
                {"path": f"f{at}", "commits": count} for at, count in enumerate(commits)
            ],
        }
    )
    assert ("Changed most often" in text) is files
    assert ("Active in" in text) is folders
    assert ("No file was changed more often" in text) is level
