"""Tables that tell what is newer: whoever reads when, ends with the same rows."""

from typing import Any

from hypothesis import given, strategies as st

from crew_actors.console.feeds._rows import Rows

Table = dict[str, dict[str, Any]]

keys = st.sampled_from("abcd")
fields = st.dictionaries(st.sampled_from("xyz"), st.integers(0, 2), min_size=1)
tables = st.dictionaries(keys, fields, max_size=4)


def full(table: Table) -> Table:
    """Rows have all of their fields at all times, as those of runs and tasks do."""
    return {key: {"x": 0, "y": 0, "z": 0} | row for key, row in table.items()}


def show(rows: Rows, table: Table, rev: int) -> bool:
    changed = rows.keep(table, rev)
    for key, row in table.items():
        changed |= rows.put(key, row, rev)
    return changed


def merged(known: Table, changes: dict[str, Any]) -> Table:
    found = {**known}
    for key, change in changes.items():
        if change is None:
            found.pop(key, None)
        else:
            found[key] = found.get(key, {}) | change
    return found


@given(st.lists(st.tuples(tables, st.sets(st.integers(0, 3))), max_size=12))
def test_a_snapshot_and_all_changes_make_the_newest_rows_however_they_are_read(
    steps: list[tuple[Table, set[int]]],
) -> None:
    """Four readers; each step says which of them read after it."""
    rows = Rows()
    known: list[Table] = [{}] * 4
    revs = [0] * 4
    shown: Table = {}
    for rev, (table, readers) in enumerate(steps, start=1):
        shown = full(table)
        changed = show(rows, shown, rev)
        for reader in readers:
            newer = rows.newer(revs[reader])
            assert changed or revs[reader] < rev - 1 or not newer
            known[reader] = merged(known[reader], newer)
            revs[reader] = rev
            assert known[reader] == shown
        rows.forget(min(revs))
    assert rows.whole() == shown
    for reader in range(4):
        assert merged(known[reader], rows.newer(revs[reader])) == shown


@given(st.lists(tables, max_size=8))
def test_what_is_told_is_different_from_what_was_known(steps: list[Table]) -> None:
    rows = Rows()
    known: Table = {}
    for rev, table in enumerate(steps, start=1):
        changed = show(rows, full(table), rev)
        newer = rows.newer(rev - 1)
        assert bool(newer) == changed
        assert not any(
            change is not None and change.items() <= known.get(key, {}).items()
            for key, change in newer.items()
        )
        known = merged(known, newer)


def test_a_change_names_the_fields_that_are_different() -> None:
    rows = Rows()
    rows.put("a", {"x": 1, "y": 1}, 1)
    assert rows.put("a", {"x": 1, "y": 2}, 2)
    assert rows.newer(1) == {"a": {"y": 2}}
    assert rows.newer(0) == {"a": {"x": 1, "y": 2}}
    assert not rows.put("a", {"x": 1, "y": 2}, 3)
    assert rows.newer(2) == {}


def test_a_row_that_is_gone_is_told_until_everybody_knows() -> None:
    rows = Rows()
    rows.put("a", {"x": 1}, 1)
    assert rows.keep([], 2)
    assert rows.newer(1) == {"a": None}
    assert rows.forget(1) == 0
    assert rows.newer(1) == {"a": None}
    assert rows.forget(2) == 2
    assert rows.newer(1) == {}


def test_a_row_that_comes_back_is_told_whole() -> None:
    rows = Rows()
    rows.put("a", {"x": 1, "y": 1}, 1)
    rows.keep([], 2)
    rows.put("a", {"x": 1, "y": 2}, 3)
    assert rows.newer(1) == rows.newer(2) == {"a": {"x": 1, "y": 2}}
