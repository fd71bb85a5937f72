"""Test suites are told from files; nothing of the repository is executed."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from crew_actors.survey._suites import Suite, ci_of, suites_of

Write = Callable[[Mapping[str, str | bytes]], Path]
Survey = Callable[[str, Path], dict[str, Any]]


@pytest.mark.parametrize(
    ("path", "text", "wanted"),
    [
        ("pyproject.toml", "[tool.pytest.ini_options]\n[tool.tox]\nx=1\n[tool.hatch.envs.hatch-test]\ny=1\n", ["python -m pytest", "tox", "hatch test"]),
        ("pyproject.toml", "[project]\n", []),
        ("tox.ini", "", ["tox"]),
        ("setup.cfg", "[tool:pytest]\n", ["python -m pytest"]),
        ("setup.cfg", "[x]\n", []),
        ("sub/noxfile.py", "", ["cd sub && nox"]),
        ("package.json", '{"scripts": {"test": "jest --ci"}}', ["npm test"]),
        ("package.json", '{"scripts": {"test": "echo \\"Error: no test specified\\""}, "devDependencies": {"vitest": "1"}}', ["npx vitest"]),
        ("package.json", '{"dependencies": {"mocha": "1"}}', ["npx mocha"]),
        ("package.json", "{}", []),
        ("CMakeLists.txt", "enable_testing()", ["ctest --test-dir build"]),
        ("CMakeLists.txt", "", []),
        ("Makefile", "all:\ncheck: all\n", ["make check"]),
        ("Makefile", "all:\n", []),
        ("justfile", "test:\n", ["just test"]),
        ("pom.xml", "<artifactId>junit</artifactId>", ["mvn test"]),
        ("build.gradle", "useJUnitPlatform() // test", ["./gradlew test"]),
        ("Gemfile", "gem 'rspec'", ["bundle exec rspec"]),
        ("Gemfile", "", []),
        ("phpunit.xml", "", ["vendor/bin/phpunit"]),
    ],
)  # fmt: skip
def test_a_suite_is_told_by_its_configuration(
    path: str, text: str, wanted: list[str]
) -> None:
    assert [suite.run for suite in suites_of(path, text)] == wanted


@pytest.mark.parametrize(
    ("path", "system"),
    [
        (".github/workflows/a.yml", "GitHub Actions"), (".gitea/workflows/a.yaml", "Gitea Actions"), (".forgejo/workflows/a.yml", "Forgejo Actions"),
        (".gitlab-ci.yml", "GitLab CI"), (".circleci/config.yml", "CircleCI"), ("sub/.travis.yml", None), (".github/workflows/README.md", None), ("a.yml", None), ("config.yml", None),
    ],
)  # fmt: skip
def test_ci_is_told_by_where_its_configuration_lies(
    path: str, system: str | None
) -> None:
    found = ci_of(path, "")
    assert (found.system if found else None) == system


def test_the_test_commands_of_ci_are_told() -> None:
    found = ci_of(
        ".github/workflows/a.yml",
        "steps:\n  - run: pip install x\n  - run: pytest -q\n  - run: |\n      tox -e py\n  - run: pytest -q\n",
    )
    assert found is not None
    assert found.commands == ("pytest -q", "tox -e py")


def test_a_secret_in_a_command_is_masked() -> None:
    token = "gh" + "p_" + "aB3" * 12
    assert token not in str(Suite("x", f"run {token}", "a").data())


def test_tests_are_counted_by_how_they_are_written(
    repository: Write, survey: Survey
) -> None:
    root = repository(
        {
            "pkg/__init__.py": "", "pkg/a.py": "x\n" * 60, "pkg/lonely/b.py": "x\n" * 60, "pkg/lonely/c.py": "x\n" * 10, "pkg/reached/z.py": "x\n" * 60, "pkg/imported/q.py": "x\n" * 60,
            "tests/test_a.py": "import pytest\nfrom pkg.imported import (q, other)\ndef test_one(): pass\nasync def test_two(): pass\nclass T:\n    def test_three(self): pass\n",
            "tests/reached/test_z.py": "def test_x(): pass\n", "tests/conftest.py": "def helper(): pass\n", "tests/data.json": "{}",
            "web/a.test.ts": "it('x', () => {})\ntest.each(1)('y')\nimport z from './deep/thing'\n", "web/deep/thing.ts": "x\n" * 60,
            "go/a_test.go": "func TestX(t *testing.T) {}\n", "rs/src/lib.rs": "#[test]\nfn x() {}\n#[tokio::test]\n" + "y\n" * 60, "run.bats": '@test "x" {\n',
            "vendor/test_v.py": "def test_v(): pass\n", "pic.png": b"\0", ".gitlab-ci.yml": "x:\n", "examples/e.py": "x\n" * 100, "tests/notes": "no language",
        }
    )  # fmt: skip
    result = survey("tester", root)
    data = result["data"]
    counted = {
        one["language"]: (one["files"], one["functions"]) for one in data["by_language"]
    }
    assert counted == {
        "Python": (2, 4),
        "TypeScript": (1, 2),
        "Go": (1, 1),
        "Rust": (0, 2),
        "Shell": (1, 1),
    }
    assert data["inline_tests"] == 2
    assert [one["path"] for one in data["untested_folders"]] == ["pkg/lonely"]
    assert data["untested_folders"][0] == {
        "path": "pkg/lonely",
        "lines": 70,
        "files": 2,
    }
    assert [one["run"] for one in data["suites"]] == [
        "python -m pytest",
        "go test ./...",
        "cargo test",
        "bats ",
    ] or len(data["suites"]) == 4
    assert data["ci"][0]["system"] == "GitLab CI"
    assert "10 test functions" in result["text"]


def test_a_configured_suite_at_the_top_stands_for_those_below(
    repository: Write, survey: Survey
) -> None:
    root = repository(
        {
            "pyproject.toml": "[tool.pytest.ini_options]\n",
            "tests/conftest.py": "",
            "tests/test_a.py": "def test_a(): pass\n",
            "sub/tox.ini": "",
        }
    )
    assert [
        (one["tool"], one["run"]) for one in survey("tester", root)["data"]["suites"]
    ] == [("pytest", "python -m pytest"), ("tox", "cd sub && tox")]


def test_unittest_is_told_by_its_style(repository: Write, survey: Survey) -> None:
    root = repository(
        {
            "test_a.py": "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): pass\n"
        }
    )
    assert survey("tester", root)["data"]["suites"] == [
        {"tool": "unittest", "run": "python -m unittest", "evidence": "test_a.py"}
    ]


def test_a_test_file_without_tests_is_still_one(
    repository: Write, survey: Survey
) -> None:
    root = repository({"tests/test_a.py": "x = 1\n"})
    data = survey("tester", root)["data"]
    assert (data["test_files"], data["test_functions"], data["ratio"]) == (1, 0, None)
    assert data["suites"][0]["run"] == "python -m unittest"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("tests/test_b.py", "import pytest\n"),
        ("requirements-dev.txt", "pytest==8\n"),
        ("setup.cfg", "[options]\ninstall_requires =\n  pytest\n"),
        ("setup.py", "setup(tests_require=['pytest'])\n"),
        (".github/workflows/a.yml", "steps:\n  - run: pytest -q\n"),
    ],
)
def test_pytest_is_told_by_a_file_that_needs_it(
    repository: Write, survey: Survey, path: str, text: str
) -> None:
    root = repository({"tests/test_a.py": "def test_a(): pass\n", path: text})
    assert survey("tester", root)["data"]["suites"] == [
        {"tool": "pytest", "run": "python -m pytest", "evidence": path}
    ]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("README.md", "Unlike pytest, it is small.\n"),
        ("tests/test_b.py", "# not for pytest\n"),
        ("requirements.txt", "attrs  # not pytest\n"),
        (".github/workflows/a.yml", "steps:\n  - run: tests --no-x # \n# pytest\n"),
    ],
)
def test_without_a_need_for_pytest_python_runs_the_tests(
    repository: Write, survey: Survey, path: str, text: str
) -> None:
    root = repository({"tests/test_a.py": "def test_a(): pass\n", path: text})
    assert survey("tester", root)["data"]["suites"] == [
        {"tool": "unittest", "run": "python -m unittest", "evidence": "tests/test_a.py"}
    ]


def test_without_tests_that_is_said(write: Write, survey: Survey) -> None:
    assert "No tests were found" in survey("tester", write({"a.py": "x\n"}))["text"]


def test_nothing_of_the_repository_is_executed(
    repository: Write, survey: Survey, tmp_path: Path
) -> None:
    proof = tmp_path / "it-ran"
    touch = f"open({str(proof)!r}, 'w').close()\n"
    root = repository(
        dict.fromkeys(
            (
                "conftest.py",
                "sitecustomize.py",
                "ast.py",
                "setup.py",
                "noxfile.py",
                "test_a.py",
                "__main__.py",
                "attrs.py",
            ),
            touch,
        )
    )
    for agent in ("cartographer", "historian", "auditor", "tester"):
        survey(agent, root)
    assert not proof.exists()
