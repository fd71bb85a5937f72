"""Values of results, out of their JSON."""

import attrs
import pytest

from crew_actors.console._results import NoValue, read_value
from crew_actors.console.console_action import LinesDone
from crew_actors.model import RunStatus


@attrs.frozen
class Positive:
    """A value with a rule."""

    number: int = attrs.field(validator=attrs.validators.gt(0))


def test_what_is_no_value_of_a_class() -> None:
    hints = (
        int,
        float,
        tuple[int, str],
        dict[str, int],
        frozenset[str],
        RunStatus,
        set,
    )
    for hint in (*hints, LinesDone, bytes):
        with pytest.raises(NoValue):
            read_value(hint, "x" if hint is not RunStatus else "gone")
    for plain in ([1, 2, 3], [1, 2]):
        with pytest.raises(NoValue):
            read_value(tuple[int, str], plain)
    assert read_value(tuple[int, str], [1, "a"]) == (1, "a")
    assert read_value(list[float], [1]) == [1.0]
    assert read_value(frozenset[str], ["a"]) == {"a"}
    assert read_value(dict[str, object], {"a": [1]}) == {"a": [1]}
    assert read_value(int | str, "a") == "a"
    assert read_value(Positive, {"number": 1}) == Positive(1)
    with pytest.raises(NoValue):
        read_value(int | str, 1.5)
    with pytest.raises(NoValue):
        read_value(Positive, {"number": -1})
