"""The bench of actors runs, prints a table and writes its page when asked."""

import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from crew_stress.bench import actor_peers, actors, pages
from crew_stress.bench.actor_loads import Sizes

TINY = Sizes(
    messages=50,
    senders=5,
    each=3,
    asks=5,
    spawns=5,
    crowd=10,
    letters=512,
    seconds=0.02,
)


def test_the_table_has_a_line_for_each_figure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # xoscar leaves a thread behind for good: it is measured by another process below.
    here = tuple(one for one in actors.COMPARISONS if one.needs != "xoscar")
    monkeypatch.setattr(actors, "COMPARISONS", here)
    rows = actors.measure(TINY, turns=1)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(rows) + 1 == len(actors.COMPARISONS) + 5
    page = actors.page(rows)
    for row in rows:
        assert f"| {row.what} | {row.ours} |" in page


@pytest.mark.skipif(
    actor_peers.missing("xoscar") is not None, reason="needs the extra bench"
)
def test_the_peer_that_leaves_a_thread_is_measured_too() -> None:
    program = (
        "from crew_stress.bench.actor_loads import Sizes\n"
        "from crew_stress.bench.actor_peers import ask_by_xoscar\n"
        "print(ask_by_xoscar(Sizes(messages=5, senders=1, each=1, asks=5, spawns=1,"
        " crowd=1, seconds=0.01)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert float(done.stdout.splitlines()[-1]) > 0


def test_a_peer_that_is_not_installed_is_skipped_with_a_reason() -> None:
    assert actor_peers.missing("trio") is None
    reason = actor_peers.missing("no_such_library")
    assert reason is not None
    assert "extra bench" in reason


def test_the_page_is_written_only_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    one = attrs.evolve(actors.COMPARISONS[0], turns=1)
    monkeypatch.setattr(actors, "COMPARISONS", (one,))
    (tmp_path / "docs" / "reference").mkdir(parents=True)
    actors.main(sizes=TINY)
    assert not (tmp_path / pages.PAGE).exists()
    actors.main(write=True, sizes=TINY)
    assert "# Performance" in (tmp_path / pages.PAGE).read_text(encoding="utf-8")
