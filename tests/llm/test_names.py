"""Names of models as people write them, and models that are left alone."""

import pytest

from crew_actors.llm import (
    Cooldowns,
    ModelRef,
    ReplyFailed,
    UnknownModel,
    all_providers,
    find_model,
)
from crew_actors.llm._cooldowns import FIRST, LONGEST
from crew_actors.model import FailureKind, Provider

MINE = Provider(
    name="mine",
    api="chat",
    base_url="http://127.0.0.1:1",
    models=("Big-Model-4-5", "small-model-4", "small-model-3"),
)
PROVIDERS = all_providers([MINE])


@pytest.mark.parametrize(
    ("wanted", "model"),
    [
        ("mine/new-one", "mine/new-one"),
        ("mine/with/slash", "mine/with/slash"),
        ("mine/big-model-4.5", "mine/Big-Model-4-5"),
        ("mine/big", "mine/Big-Model-4-5"),
        ("big-model-4.5", "mine/Big-Model-4-5"),
        ("small", "mine/small-model-4"),
        ("model 3 small", "mine/small-model-3"),
        ("haiku", "anthropic/claude-haiku-4-5"),
    ],
)
def test_a_name_means_the_model_that_fits_best(wanted: str, model: str) -> None:
    assert find_model(wanted, PROVIDERS).name == model


@pytest.mark.parametrize("wanted", ["", "  ", "-", "nobody/knows", "llama"])
def test_a_name_that_fits_none_is_an_error_with_those_that_do(wanted: str) -> None:
    with pytest.raises(UnknownModel, match="mine/small-model-4"):
        find_model(wanted, PROVIDERS)


def test_the_own_provider_takes_the_place_of_a_built_in_one() -> None:
    own = Provider(name="openai", api="chat", base_url="http://127.0.0.1:1")
    assert all_providers([own])["openai"] is own


A, B = ModelRef(MINE, "a"), ModelRef(MINE, "b")


def busy(seconds: float | None = None) -> ReplyFailed:
    return ReplyFailed(FailureKind.RATE_LIMIT, "busy", retry_after=seconds)


def test_a_model_is_left_alone_as_long_as_its_provider_asks() -> None:
    cooldowns = Cooldowns()
    cooldowns.failed(A, busy(7), now=100)
    assert cooldowns.until(A) == 107
    assert cooldowns.until(B) == 0


def test_waits_grow_with_failures_up_to_a_limit_and_begin_anew_after_an_answer() -> (
    None
):
    cooldowns = Cooldowns()
    waits: list[float] = []
    now = 0.0
    for _ in range(9):
        cooldowns.failed(A, busy(), now)
        waits.append(cooldowns.until(A) - now)
        now = cooldowns.until(A)
    assert waits == [FIRST, 4, 8, 16, 32, LONGEST, LONGEST, LONGEST, LONGEST]
    cooldowns.answered(A)
    cooldowns.failed(A, busy(), now)
    assert cooldowns.until(A) == now + FIRST


def test_what_many_agents_hear_in_one_moment_is_one_failure() -> None:
    cooldowns = Cooldowns()
    for _ in range(50):
        cooldowns.failed(A, busy(), now=10)
    assert cooldowns.until(A) == 10 + FIRST


def test_what_does_not_pass_is_not_waited_for() -> None:
    cooldowns = Cooldowns()
    cooldowns.failed(A, ReplyFailed(FailureKind.AUTH, "no"), now=10)
    assert cooldowns.until(A) == 0
