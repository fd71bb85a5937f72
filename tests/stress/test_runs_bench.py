"""The bench of runs measures each figure, and writes its part of the page when asked."""

from pathlib import Path

import pytest

from crew_stress.bench import journal, pages, runs
from crew_stress.bench.runs import Sizes

TINY = Sizes(
    rounds=1,
    functions=3,
    at_once=2,
    in_a_row=1,
    in_parallel=(2,),
    ready=5,
    limit=2,
    short=2,
    warm_up=1,
    patience=0.0,
    events=journal.Sizes(events=16, commits=200, many=200),
)


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs" / "reference").mkdir(parents=True)
    return tmp_path / pages.PAGE


def test_the_page_has_a_line_for_each_figure(
    page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = runs.measure(TINY)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(figures)
    by_name = {figure.what: figure for figure in figures}
    assert by_name["5 ready under a limit of 2: most at once"].value == 2
    assert by_name["2 short runs: files more"].is_reached
    assert not page.exists()
    pages.write_part("runs", runs.page(figures))
    written = page.read_text(encoding="utf-8")
    for figure in figures:
        assert f"| {figure.what.strip()} |" in written


def test_each_bench_replaces_its_own_part_only(page: Path) -> None:
    pages.write_part("one", "## One\n\nold")
    pages.write_part("two", "## Two")
    pages.write_part("one", "## One\n\nnew")
    assert page.read_text(encoding="utf-8") == (
        "# Performance\n\n"
        "<!-- begin one -->\n\n## One\n\nnew\n\n<!-- end one -->\n\n"
        "<!-- begin two -->\n\n## Two\n\n<!-- end two -->\n"
    )
