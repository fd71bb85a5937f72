# What the rules of a child spec say about a failure.
#
# 1. Rules are read in their order, for each error in a group; the first one that matches
#    and has restarts left answers. The strictest answer of all errors counts.
# 2. A rule that answers for several errors of one failure spends one restart.
"""Pure: which rule of `ChildSpec.on_failure` answers a failure."""

from collections.abc import Callable
from typing import Final

from ._restart import leaves_of
from ._specs import OnFailure

_STRICTNESS: Final = {"restart": 0, "stop": 1, "escalate": 2}


def rule_for(
    rules: tuple[OnFailure, ...],
    error: BaseException,
    spend: Callable[[OnFailure], bool],
) -> OnFailure | None:
    """Return the rule that answers *error*; None leaves it to the restart type.

    *spend* counts a restart by a rule that limits them; false means that there is none
    left. It is called once for each rule that would answer.
    """
    has_left: dict[int, bool] = {}
    strictest: OnFailure | None = None
    for leaf in leaves_of(error):
        for number, rule in enumerate(rules):
            if not isinstance(leaf, rule.errors):
                continue
            if rule.max_restarts is not None and number not in has_left:
                has_left[number] = spend(rule)
            if has_left.get(number, True):
                if (
                    strictest is None
                    or _STRICTNESS[rule.then] > _STRICTNESS[strictest.then]
                ):
                    strictest = rule
                break
    return strictest
