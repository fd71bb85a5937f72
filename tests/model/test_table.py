"""A table is a mapping, and what is made from it leaves it as it was."""

import pickle

import pytest
from hypothesis import given, strategies as st

from crew_actors.model._table import Table


@given(st.dictionaries(st.integers(0, 200), st.integers(), min_size=1), st.data())
def test_a_table_tells_what_a_dict_would(
    start: dict[int, int], data: st.DataObject
) -> None:
    model, table = dict(start), Table(start.items())
    for key in data.draw(st.lists(st.sampled_from(list(start)), max_size=20)):
        value = data.draw(st.integers())
        before, kept = table, dict(model)
        table = table.put(key, value)
        model[key] = value
        assert before == kept
    assert table == model
    assert list(table) == list(model)
    assert list(table.values()) == list(model.values())
    assert list(table.items()) == list(model.items())
    assert len(table) == len(model)
    assert [table.at(table.place(key)) for key in model] == list(model.values())
    assert pickle.loads(pickle.dumps(table)) == model
    assert eval(repr(table)) == table


def test_only_keys_that_are_there_can_have_another_value() -> None:
    table: Table[str, int] = Table([("a", 1)])
    with pytest.raises(KeyError, match="b"):
        table.put("b", 2)
    with pytest.raises(KeyError, match="b"):
        table.place("b")
    assert table.get("b") is None
    assert 1 in table.values()


def test_most_of_a_large_table_is_shared_with_the_next() -> None:
    table = Table((n, object()) for n in range(1_000))
    changed = table.put(500, object())
    shared = {id(c) for c in table._chunks} & {id(c) for c in changed._chunks}
    assert len(shared) == len(table._chunks) - 1
