"""Risks: what is one, how grave it is, and that nothing secret is shown."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from crew_actors.survey._licences import is_licence_file, licence_of, spdx_names
from crew_actors.survey._manifests import read_manifest
from crew_actors.survey._paths import is_built
from crew_actors.survey._risks import Risk, by_kind, lowered, merged
from crew_actors.survey._risky import risky_places
from crew_actors.survey._sizes import LongFunction, long_functions

Write = Callable[[Mapping[str, str | bytes]], Path]
Survey = Callable[[str, Path], dict[str, Any]]
_TOKEN = "gh" + "p_" + "aB3dE5" * 6


def _found(path: str, text: str) -> list[tuple[str, str, int]]:
    return [(risk.severity, risk.kind, risk.line) for risk in risky_places(path, text)]


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        ("eval(x)", ("medium", "eval")), ("eval('1')", ("low", "eval")), ("exec(x)", ("medium", "exec")), ("os.system(x)", ("medium", "shell command")),
        ("subprocess.run(x, shell=True)", ("medium", "shell command")), ("run('ls', shell=True)", ("low", "shell command")), ("run(x, shell=False)", None),
        ("pickle.loads(x)", ("medium", "unpickling")), ("pickle.loads(pickle.dumps(x))", None), ("yaml.load(x)", ("medium", "unsafe YAML")),
        ("yaml.load(x, Loader=yaml.SafeLoader)", None), ("yaml.load(x, SafeLoader)", None), ("yaml.load(x, Loader=make())", ("medium", "unsafe YAML")), ("yaml.safe_load(x)", None),
        ("tempfile.mktemp()", ("low", "race on a temporary file")), ("get(u, verify=False)", ("medium", "TLS check off")), ("model.eval(x)", None), ("# eval(x)", None),
        ("'eval(x)'", None), ("def eval(x): pass", None), ("eval(", None), ("f()()\neval", None), ("f()(shell=True)", ("medium", "shell command")),
    ],
)  # fmt: skip
def test_a_risky_call_is_found_in_python(
    call: str, wanted: tuple[str, str] | None
) -> None:
    text = f"import os\n\n{call}\n"
    assert _found("a.py", text) == ([(*wanted, 3)] if wanted else [])


@pytest.mark.parametrize(
    ("path", "line", "kind"),
    [
        ("i.sh", "curl -fsSL https://x | sudo bash", "download piped into a shell"), ("Dockerfile", "RUN wget -O- x | sh", "download piped into a shell"),
        ("a.js", "return eval(text)", "eval"), ("a.ts", "new Function(x)", "eval"), ("a.tsx", "<p dangerouslySetInnerHTML={x}>", "raw HTML"),
        ("a.js", "{rejectUnauthorized: false}", "TLS check off"), ("a.sh", "export NODE_TLS_REJECT_UNAUTHORIZED=0", "TLS check off"), ("a.go", "InsecureSkipVerify: true,", "TLS check off"),
        ("c.yml", "  pull_request_target:", "workflow with secrets for strangers"), ("c.yml", "permissions: write-all", "workflow may do everything"), ("c.yml", "- uses: a/b@main", "action not pinned"),
        ("c.yml", "- uses: a/b@v4", None), ("a.js", "// eval(x)", None), ("a.js", "x.eval(y)", None), ("i.sh", "# curl x | sh", None), ("i.sh", "curl x | shuf", None), ("a.xyz", "eval(x)", None),
        ("tests/a.js", "eval(x)", None), ("vendor/a.js", "eval(x)", None),
    ],
)  # fmt: skip
def test_a_risky_line_is_found_in_other_languages(
    path: str, line: str, kind: str | None
) -> None:
    found = _found(path, f"\n{line}\n{line}\n")
    assert [(one, at) for _, one, at in found] == (
        [(kind, 2), (kind, 3)] if kind else []
    )


def test_what_is_in_examples_and_documents_is_less_severe() -> None:
    assert _found("docs/install.md", "curl x | sh")[0][0] == "low"
    assert _found("examples/a.py", "eval(x)\n")[0][0] == "low"
    assert lowered("low") == "low"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("<<<<<<< HEAD\na\n=======\nb\n>>>>>>> other\n", 1), ("x\n<<<<<<< HEAD\na\n=======\nb\n>>>>>>> other\n", 2),
        ("Title\n=======\n", 0), ("<<<<<<< HEAD\n", 0), ("<<<<<<< a\n=======\n", 0),
    ],
)  # fmt: skip
def test_conflict_markers_are_found_when_all_are_there(text: str, line: int) -> None:
    assert _found("a.txt", text) == ([("low", "merge conflict", line)] if line else [])
    assert _found("a.rs", text) == ([("high", "merge conflict", line)] if line else [])


@pytest.mark.parametrize(
    "unit",
    ["curl ", "| ", "uses: a/", "eval(", "eval(\n", "<<<<<<< \n", "TODO", "shell = "],
)
def test_hostile_lines_cost_linear_time(unit: str) -> None:
    def cost(size: int) -> float:
        text = unit * (size // len(unit))
        start = time.process_time()
        for path in ("a.py", "a.js", "a.yml", "a.sh"):
            list(risky_places(path, text))
        return time.process_time() - start

    small, large = cost(50_000), cost(200_000)
    assert large < 12 * small + 0.5


def test_risks_of_one_kind_in_one_file_are_one_risk_with_a_count() -> None:
    one = Risk("low", "eval", "a.py", 3, "why", "do")
    two = Risk("low", "eval", "a.py", 9, "why", "do")
    high = Risk("high", "GitHub token", "b.py", 1, "why", "do", count=2)
    assert [
        (risk.kind, risk.line, risk.count) for risk in merged([one, two, high])
    ] == [("GitHub token", 1, 2), ("eval", 3, 2)]


def test_secrets_come_before_other_kinds_of_the_same_severity() -> None:
    risks = [
        Risk("medium", kind, "a", 1, "", "")
        for kind in ("no licence", "eval", "TLS check off", "npm token")
    ]
    assert [one["kind"] for one in by_kind(risks) if isinstance(one, dict)] == [
        "npm token",
        "TLS check off",
        "eval",
        "no licence",
    ]


def _function(length: int, name: str = "f") -> str:
    return f"def {name}(\n    a,\n):\n" + "    x = 1\n" * (length - 3)


def test_a_long_function_is_found_with_its_length() -> None:
    text = (
        "import os\n\n"
        + _function(150)
        + "\n\n"
        + _function(20, "g")
        + "\nasync def h():\n"
        + "    y\n" * 200
    )
    assert list(long_functions(text)) == [
        LongFunction("f", 3, 150),
        LongFunction("h", 176, 201),
    ]


def test_a_nested_function_counts_for_itself_and_for_the_outer_one() -> None:
    text = (
        "class K:\n    def outer(self):\n        def inner():\n"
        + "            x\n" * 10
        + "        return inner\n\n# end\ny = 1\n"
    )
    assert list(long_functions(text, 5)) == [
        LongFunction("inner", 3, 11),
        LongFunction("outer", 2, 13),
    ]


@given(st.text(alphabet="d ef():\n\tx#'"))
def test_any_text_has_functions_within_it(text: str) -> None:
    lines = text.count("\n") + 1
    for found in long_functions(text, 1):
        assert 1 <= found.line <= found.line + found.lines - 1 <= lines


@pytest.mark.parametrize(
    ("path", "text", "names", "pinned"),
    [
        ("requirements.txt", "a==1\nB>=2 # x\n-r other\n# c\nc==1.*\nd[x]==1 ; python_version<'3'\ne==1 \\\n  --hash=sha256:0\n", ("a", "b", "c", "d", "e"), 3),
        ("dev-requirements.in", "a\n", ("a",), 0),
        ("pyproject.toml", '[project]\ndependencies=["a==1","b"]\n[project.optional-dependencies]\nx=["c"]\n[dependency-groups]\ny=["d",{include-group="x"}]\n[tool.poetry.dependencies]\npython="3"\ne="1.2.3"\nf={version="^1"}\n[tool.poetry.group.dev.dependencies]\ng="*"\n', ("a", "b", "c", "d", "e", "f", "g"), 2),
        ("setup.cfg", "[options]\ninstall_requires =\n  a==1\n  b\n", ("a", "b"), 1),
        ("Pipfile", '[packages]\na="==1"\nb="*"\n', ("a", "b"), 1),
        ("package.json", '{"dependencies":{"a":"1.2.3","b":"^1"},"devDependencies":{"c":"1.0.0"}}', ("a", "b", "c"), 2),
        ("composer.json", '{"require":{"a/b":"1.0.0"}}', ("a/b",), 1),
        ("Cargo.toml", '[dependencies]\na="1"\nb={version="=1.0"}\n[target."cfg(unix)".dependencies]\nc="1"\n[workspace.dependencies]\nd="1"\n', ("a", "b", "c", "d"), 1),
        ("go.mod", "module x\nrequire example.org/a v1.0.0\nrequire (\n\texample.org/b v2.0.0\n\texample.org/c v1.0.0 // indirect\n)\n", ("example.org/a", "example.org/b"), 2),
        ("Gemfile", "gem 'a', '1.2.3'\ngem \"b\"\n", ("a", "b"), 1),
        ("pom.xml", "<dependency>\n<groupId>g</groupId>\n<artifactId>a</artifactId>\n<version>1</version></dependency><dependency><groupId>g</groupId><artifactId>b</artifactId></dependency>", ("g:a", "g:b"), 1),
        ("build.gradle", "implementation 'g:a:1.0'\ntestImplementation(\"g:b\")\n", ("g:a", "g:b"), 1),
        ("package.json", "{", (), 0),
        ("pyproject.toml", "[dependency-groups]\n", (), 0),
    ],
)  # fmt: skip
def test_a_manifest_is_read(
    path: str, text: str, names: tuple[str, ...], pinned: int
) -> None:
    manifest = read_manifest(path, text)
    assert manifest is not None
    assert (manifest.names, manifest.pinned) == (names, pinned)


def test_other_files_are_no_manifests() -> None:
    assert read_manifest("a.txt", "a==1") is None


def test_a_lock_file_counts_for_its_folder_and_below() -> None:
    manifest = read_manifest(
        "apps/web/package.json", '{"dependencies":{"a":"1"}, "license": "MIT"}'
    )
    assert manifest is not None
    assert manifest.licence == "MIT"
    assert (
        manifest.lock(["yarn.lock", "other/package-lock.json", "uv.lock"])
        == "yarn.lock"
    )
    assert (
        manifest.lock(["yarn.lock", "apps/web/pnpm-lock.yaml"])
        == "apps/web/pnpm-lock.yaml"
    )
    assert manifest.lock(["apps/webx/yarn.lock"]) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Permission is hereby granted, free of charge, to any", "MIT"), ("Apache License\n  Version 2.0, January", "Apache-2.0"),
        ("GNU GENERAL PUBLIC LICENSE\n Version 3", "GPL-3.0"), ("GNU LESSER GENERAL PUBLIC LICENSE\n Version 2.1", "LGPL-2.1"),
        ("Redistribution and use in source and binary forms. Neither the name", "BSD-3-Clause"), ("Redistribution and use in source and binary forms", "BSD-2-Clause"),
        ("the MIT or the Apache one", "dual or several"), ("words", "unknown"),
    ],
)  # fmt: skip
def test_a_licence_is_told_by_its_words(text: str, name: str) -> None:
    assert licence_of(text) == name


def test_licences_are_found_by_name_and_header() -> None:
    assert [
        is_licence_file(name)
        for name in ("LICENSE", "LICENCE.md", "COPYING", "license.py", "licenses")
    ] == [True, True, True, False, False]
    assert spdx_names("# SPDX-License-" + "Identifier: Apache-2.0\n") == ["Apache-2.0"]
    assert spdx_names("x") == []


def test_an_audit_tells_what_it_found_without_showing_it(
    repository: Write, survey: Survey
) -> None:
    root = repository(
        {
            "app.py": f"TOKEN = '{_TOKEN}'\neval(x)\n# TODO: tidy\n# see FIXME(ada): later\nx = 'TODO'\n" + _function(160) + "y = 1\n" * 2000,
            "tests/test_app.py": f"TOKEN = '{_TOKEN}'\n", ".env": "PASSWORD=Xk92mmQ7z\n", ".env.example": "PASSWORD=x\n", "sub/.env": "# empty\nX=\n",
            "keys/id_rsa": "x", "pic.png": b"\0" * 2000, "package.json": '{"dependencies":{"a":"1"}, "license": "ISC"}', "Pipfile": "[packages]\n",
            "yarn.lock": f"x {_TOKEN}\n", "vendor/x.py": "# TODO\neval(x)\n", "empty.py": "", "lib.rs": "// SPDX-License-" + "Identifier: MIT\n",
            "notes.md": "TODO: words\n", "sub/package.json": '{"dependencies":{"a":"1"}}',
        }
    )  # fmt: skip
    (root / "app.py").chmod(0o666)
    with (root / "big.bin").open("wb") as file:
        file.truncate(6 << 20)
    result = survey("auditor", root)
    data = result["data"]
    assert _TOKEN not in str(result)
    assert "Xk92mmQ7z" not in str(result)
    found = {(risk["severity"], risk["kind"], risk["place"]) for risk in data["risks"]}
    assert found == {
        ("high", "GitHub token", "app.py:1"), ("medium", "GitHub token", "tests/test_app.py:1"), ("high", "environment file", ".env"),
        ("medium", "eval", "app.py:2"), ("medium", "key or password file", "keys/id_rsa"), ("low", "no licence file", ""),
        ("low", "world-writable", "app.py"), ("low", "large file", "big.bin"), ("low", "long file", "app.py"),
    }  # fmt: skip
    assert data["risk_counts"] == {"high": 2, "medium": 3, "low": 4}
    assert data["marks"] == {"TODO": 1, "FIXME": 1}
    assert [tuple(one.values()) for one in data["mark_places"]] == [
        ("TODO", "app.py:3", "", "tidy"),
        ("FIXME", "app.py:4", "ada", "later"),
    ]
    assert data["long_functions"][0]["name"] == "f"
    assert data["binary"]["count"] == 2
    assert data["declared_licences"] == ["ISC"]
    assert data["spdx"] == {"MIT": 1}
    assert data["manifests"][1]["lock"] == "yarn.lock"
    assert data["largest_files"][0] == {"path": "big.bin", "bytes": 6 << 20}


def test_without_git_an_environment_file_is_less_severe(
    write: Write, survey: Survey
) -> None:
    root = write(
        {
            ".env.local": "A=b\n",
            "examples/.env": "A=b\n",
            "LICENSE": "Permission is hereby granted, free of charge",
            "package.json": '{"dependencies": {"a": "1"}}',
        }
    )
    data = survey("auditor", root)["data"]
    assert [(one["severity"], one["kind"]) for one in data["risks"]] == [
        ("medium", "environment file"),
        ("low", "environment file"),
        ("low", "no lock file"),
    ]
    assert data["licences"] == [{"path": "LICENSE", "licence": "MIT"}]


def test_an_empty_folder_has_no_risks(tmp_path: Path, survey: Survey) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert survey("auditor", empty)["data"]["risks"] == []


def test_many_marks_are_counted_and_some_are_kept(write: Write, survey: Survey) -> None:
    root = write({"a.py": "# TODO: x\n" * 300 + "TODO: no comment\n", "LICENSE": "x"})
    data = survey("auditor", root)["data"]
    assert data["marks"] == {"TODO": 300}
    assert len(data["mark_places"]) == 200


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_a_file_that_cannot_be_read_is_counted(write: Write, survey: Survey) -> None:
    root = write({"a.py": "", "b.py": ""})
    (root / "b.py").chmod(0)
    assert survey("auditor", root)["data"]["not_seen"] == [
        "1 x file that could not be read"
    ]


def _licence_risks(data: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [
        (one["severity"], one["kind"], one["why"])
        for one in data["risks"]
        if "licence" in one["kind"]
    ]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("package.json", '{"license": "MIT"}'),
        ("pyproject.toml", '[project]\nlicense = "MIT"\n'),
        ("pyproject.toml", '[project]\nlicense = {text = "MIT"}\n'),
        ("pyproject.toml", '[tool.poetry]\nlicense = "MIT"\n'),
        ("Cargo.toml", '[package]\nlicense = "MIT"\n'),
    ],
)
def test_a_declared_licence_without_its_text_is_a_low_risk(
    write: Write, survey: Survey, path: str, text: str
) -> None:
    root = write({"a.py": "x = 1\n", path: text, "vendor/package.json": text})
    result = survey("auditor", root)
    wanted = ("low", "no licence file", f"only {path} declares it: MIT")
    assert _licence_risks(result["data"]) == [wanted]


def test_a_licence_declared_by_other_code_only_is_none(
    write: Write, survey: Survey
) -> None:
    manifest = '{"license": "MIT"}'
    files = {"a.py": "x = 1\n", "vendor/package.json": manifest}
    root = write({**files, "tests/package.json": manifest})
    ((severity, kind, _),) = _licence_risks(survey("auditor", root)["data"])
    assert (severity, kind) == ("medium", "no licence")


def test_without_code_no_licence_is_missed(write: Write, survey: Survey) -> None:
    root = write({"notes.md": "words\n", "data.json": "{}", "vendor/a.py": "x = 1\n"})
    assert _licence_risks(survey("auditor", root)["data"]) == []


@pytest.mark.parametrize(
    ("line", "author", "said"),
    [
        ("# TODO(ann): drop this", "ann", "drop this"),
        ("# TODO: do so (really)", "", "do so (really)"),
        ("# TODO (see #4) fix", "", "(see #4) fix"),
        ("# TODO(): x", "", "x"),
        ("# TODO(ann", "", "(ann"),
        ("/* FIXME: close */", "", "close"),
        ("<!-- FIXME: close -->", "", "close"),
        ("# TODO", "", ""),
    ],
)
def test_a_mark_keeps_its_words_and_who_is_named(
    write: Write, survey: Survey, line: str, author: str, said: str
) -> None:
    root = write({"a.py": f"x = 1  {line}\n", "LICENSE": "x"})
    result = survey("auditor", root)
    (mark,) = result["data"]["mark_places"]
    assert (mark["author"], mark["text"]) == (author, said)
    assert ("TODO(ann): drop this" in result["text"]) == (said == "drop this")


_BUILT: dict[str, str | bytes] = {
    "pkg/__pycache__/a.cpython-311.pyc": b"\0x",
    "dist/app.js": "x\n" * 3000,
    "web/node_modules/y/index.js": "// TODO: y\n",
    ".DS_Store": b"\0",
}


def test_committed_build_output_is_one_risk_and_fills_no_table(
    repository: Write, survey: Survey
) -> None:
    root = repository({"LICENSE": "x", "pkg/a.py": "x = 1\n", **_BUILT})
    audit = survey("auditor", root)["data"]
    (risk,) = audit["risks"]
    assert (risk["kind"], risk["severity"], risk["count"]) == (
        "build output",
        "medium",
        4,
    )
    assert audit["binary"]["count"] == 0
    assert audit["marks"] == {}
    assert {one["path"] for one in audit["largest_files"]} == {"LICENSE", "pkg/a.py"}
    drawn = survey("cartographer", root)["data"]
    assert drawn["totals"]["files"] == 2
    said = "4 files of build output were only searched for secrets"
    assert said in drawn["not_seen"]
    past = survey("historian", root)["data"]
    assert {one["path"] for one in past["churn"]} == {"LICENSE", "pkg/a.py"}


def test_build_output_that_runs_nowhere_is_a_low_risk(
    repository: Write, survey: Survey
) -> None:
    root = repository({"LICENSE": "x", ".DS_Store": b"\0"})
    (risk,) = survey("auditor", root)["data"]["risks"]
    assert (risk["kind"], risk["severity"]) == ("build output", "low")


def test_without_git_nobody_committed_the_build_output(
    write: Write, survey: Survey
) -> None:
    root = write({"LICENSE": "x", ".DS_Store": b"\0"})
    assert survey("auditor", root)["data"]["risks"] == []


def test_a_secret_in_build_output_is_found_all_the_same(
    repository: Write, survey: Survey
) -> None:
    token = "gh" + "p_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6"
    root = repository({"LICENSE": "x", "dist/app.js": f"t = '{token}'\n"})
    kinds = {one["kind"] for one in survey("auditor", root)["data"]["risks"]}
    assert kinds == {"GitHub token", "build output"}


@pytest.mark.parametrize(
    ("path", "built"),
    [
        ("dist/a.py", True),
        ("web/dist/app.min.js", True),
        ("cmd/dist/main.go", False),
        ("thing.egg-info/PKG-INFO", True),
        ("a/Thumbs.db", True),
        ("src/distance.py", False),
        ("build/make.py", False),
        ("node_modules", False),
    ],
)
def test_build_output_is_told_by_its_path(path: str, built: bool) -> None:
    assert is_built(path) is built
