"""What looks like a secret is shown nowhere, wherever in a repository it stands."""

import json
import random
import string
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from crew_actors.survey._protocol import read_inputs
from crew_actors.survey._secrets import masked
from crew_actors.survey._shown import one_line, shown_path, without_secrets
from crew_actors.survey._writer import AGENTS

Write = Callable[[Mapping[str, str | bytes]], Path]
Messages = Callable[..., tuple[int, list[dict[str, Any]]]]

# Built here, so that no scanner takes this file for a leak.
_TOKEN = "ghp_" + "".join(
    random.Random(5).choice(string.ascii_letters) for _ in range(36)
)
_WORD = "hunter2" + "Zq9xLm77"


@pytest.mark.parametrize(
    "text",
    [
        f"password={_WORD}",
        f"DB_PASS={_WORD} run",
        f"passwd: {_WORD}",
        f"PWD = '{_WORD}'",
        f"password: 'two words {_WORD}'",
        f'"password": "{_WORD}"',
        f"token={_WORD}&x=1",
        f"x-api-key: {_WORD}",
        f"--password {_WORD}",
        f"--db-token='{_WORD}'",
        f"mysql -u root -p{_WORD} db",
        f"sshpass -p {_WORD} ssh host",
        f"curl -u u:{_WORD} https://host",
        f"curl -sSu u:{_WORD}",
        f"curl --user=u:{_WORD}",
        f"curl --proxy-user 'u:{_WORD}'",
        f"Authorization: Bearer {_WORD}",
        f"'authorization': 'Basic {_WORD}'",
        f"bearer {_WORD}",
        f"https://u:{_WORD}@host/",
        f"https://{_WORD}x@host/",
    ],
)
def test_a_secret_without_quotes_is_masked_once(text: str) -> None:
    shown = masked(text)
    assert _WORD[4:] not in shown
    assert "hun" in shown or "two" in shown
    assert masked(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "password=$DB_PASSWORD run",
        "password: ${{ secrets.TOKEN }}",
        "password=<yours>",
        "password=***",
        "the token: rotates daily",
        "docker run -u 1000:1000 image",
        "Authorization: Bearer $TOKEN",
        "bearer tokens are used",
        "Basic authentication",
        "tokenizer=fast",
        "a compass: it points north",
        "git@host.example:x/y.git",
        "https://git@host.example/",
        "python -um tools:x",
    ],
)
def test_a_variable_and_prose_stay_as_they_are(text: str) -> None:
    assert masked(text) == text


def test_a_secret_is_masked_before_the_line_is_cut() -> None:
    for length in (8, 20, 40, 100):
        assert _TOKEN[6:] not in one_line(f"x {_TOKEN}", length)
        assert _TOKEN[4:12] not in one_line("y" * 10 + f" {_TOKEN}", length)
    path = "a/" * 60 + _TOKEN + "/b" * 60
    assert _TOKEN[4:12] not in shown_path(path)


def test_names_of_members_are_masked_too() -> None:
    shown = json.dumps(without_secrets({_TOKEN: [{"x": _TOKEN}, 1, None]}))
    assert _TOKEN[4:] not in shown
    assert shown.endswith("}, 1, null]}")


def test_what_other_agents_found_is_masked_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "inputs.json"
    result = {"text": f"password={_WORD}", "data": {"agent": _TOKEN}}
    path.write_text(json.dumps({"goal": "?", "dependencies": {"a": result}}))
    inputs = read_inputs({"CREW_INPUTS": str(path)})
    assert _WORD not in repr(inputs)
    assert _TOKEN not in repr(inputs)


def _leaky(repository: Write, git: Callable[..., str]) -> Path:
    scripts = {"scripts": {"push": f"curl -u u:{_WORD} https://h", _TOKEN: "x"}}
    root = repository(
        {
            "package.json": json.dumps(scripts),
            "README.md": f"# Thing {_TOKEN}\n\nIt connects with password={_WORD} at once.\n",
            "src/a.py": f"# FIXME: password={_WORD}\n# TODO {_TOKEN}\n",
            "src/__init__.py": f'"""Talks with the header Bearer {_WORD} to it."""\n',
            f"src/{_TOKEN}.py": "import src.a\n",
            f"{_TOKEN}/b.py": "import src.a\n" + "x = 1\n" * 60,
            "Makefile": f"all:\n\tdeploy --password {_WORD}\n",
            "Dockerfile": f"CMD run --token {_WORD}\n",
            f"tests/test_{_TOKEN}.py": "def test_a(): pass\n",
            ".github/workflows/ci.yml": f"name: token={_WORD}\nsteps:\n  - run: pytest -u u:{_WORD}\n",
            "requirements.txt": f"{_TOKEN}==1\n",
            "LICENSE": "x",
        }
    )
    for number in range(3):
        (root / "src" / "a.py").write_text(f"x = {number}\n")
        subject = f"use passwd: {_WORD}, not {_TOKEN}"
        git(root, "commit", "-qam", subject, GIT_AUTHOR_NAME=_TOKEN)
    git(root, "checkout", "-q", "HEAD~3", "--", "src/a.py")
    git(root, "tag", _TOKEN)
    return root


def test_no_agent_shows_a_secret_of_the_repository(
    repository: Write, git: Callable[..., str], messages: Messages, tmp_path: Path
) -> None:
    root = _leaky(repository, git)
    results: dict[str, Any] = {}
    for agent in AGENTS:
        code, said = messages(agent, root)
        assert code == 0
        assert _WORD[4:] not in json.dumps(said)
        assert _TOKEN[4:12] not in json.dumps(said)
        results[agent] = said[-1]
    inputs, output = tmp_path / "inputs.json", tmp_path / "output"
    inputs.write_text(json.dumps({"goal": _TOKEN, "dependencies": results}))
    output.mkdir()
    code, said = messages(
        "writer", root, CREW_INPUTS=str(inputs), CREW_OUTPUT=str(output)
    )
    assert code == 0
    files = [path.read_text(encoding="utf-8") for path in sorted(output.iterdir())]
    assert len(files) == 1
    for text in (*files, json.dumps(said)):
        assert _WORD[4:] not in text
        assert _TOKEN[4:12] not in text
    assert "hun… (15 characters)" in json.dumps(said, ensure_ascii=False)


@pytest.mark.parametrize(
    "unit",
    ["password", "pass_", "://a:", "a_", "-u a:", "bearer ", "--a-", "mysql ", "'= "],
)
def test_hostile_text_is_masked_in_linear_time(unit: str) -> None:
    def cost(size: int) -> float:
        start = time.process_time()
        masked(unit * (size // len(unit)))
        return time.process_time() - start

    small, large = cost(20_000), cost(80_000)
    assert large < 12 * small + 0.5
