"""Names of parameters that are words of Python."""

import attrs
import pytest

from crew_actors.commands import BadParameters, build, parameters_of
from crew_actors.commands._schema import told


@attrs.frozen(kw_only=True)
class _Asked:
    from_: str = attrs.field(metadata=told("where it comes from"))


def test_a_word_of_python_goes_without_its_underscore() -> None:
    (parameter,) = parameters_of(_Asked)
    assert (parameter.name, parameter.label) == ("from", "--from")
    assert build("copy", _Asked, {"from": "x"}) == _Asked(from_="x")
    with pytest.raises(BadParameters, match=r"'from_'; did you mean 'from'"):
        build("copy", _Asked, {"from_": "x"})
