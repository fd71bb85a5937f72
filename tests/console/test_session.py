import hmac
from typing import Any, cast

import attrs
import pytest
from tests.support.sessions import HOUSE, NOW, TOKENS, frame, greeted, hello, only, told

from crew_actors.console import _tokens
from crew_actors.console._frames import FRAME_LIMIT, Code, Fault
from crew_actors.console._scopes import Scope
from crew_actors.console._session import (
    MALFORMED,
    PATIENCE,
    RATE,
    REQUESTS,
    SUBSCRIPTIONS,
    TOO_BIG,
    TOO_MUCH,
    WRONG_TOKEN,
    Call,
    Drop,
    Effect,
    End,
    Say,
    Session,
    Subscribe,
)
from crew_actors.console._tokens import Tokens


def error_of(effect: Effect) -> dict[str, Any]:
    return cast("dict[str, Any]", told(effect)["error"])


def test_hello_is_answered_with_all_that_a_client_needs_to_know() -> None:
    session = Session(HOUSE)

    answer = told(only(session, hello()))

    assert session.role == "operator"
    assert answer["id"] == 1
    result = answer["result"]
    assert result["version"] == "crew.v1"
    assert result["role"] == "operator"
    assert result["server"] == {"pid": 7}
    assert result["actions"]["steer"] == {"summary": "Act.", "role": "operator"}
    assert result["limits"]["requests"] == REQUESTS
    assert result["limits"]["frame"] == FRAME_LIMIT
    assert result["now"] == 1000.5


@pytest.mark.parametrize(
    "token",
    [
        None,
        "",
        "operator.",
        7,
        TOKENS.operator[:-1],
        TOKENS.operator + "x",
        TOKENS.operator.replace("operator", "viewer"),
        TOKENS.viewer.replace("viewer", "operator"),
        "x" * 100_000,
        "é",
    ],
)
def test_a_wrong_token_is_hung_up_on_and_told_nothing(token: object) -> None:
    session = Session(HOUSE)

    effect = only(session, hello(token))

    assert effect == End(WRONG_TOKEN, "the token is not one of this server")
    assert session.role is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        frame("status"),
        frame("subscribe", scope="runs"),
        '{"jsonrpc":"2.0","method":"hello","params":{}}',
        hello(versions=["crew.v2"]),
        hello(versions="crew.v1"),
        hello(versions=None),
    ],
)
def test_what_is_no_good_hello_is_hung_up_on(text: str) -> None:
    effect = only(Session(HOUSE), text)

    assert isinstance(effect, End)
    assert effect.code == MALFORMED


def test_versions_are_looked_at_only_when_the_token_is_right() -> None:
    text = frame("hello", token="operator.guess", versions=["crew.v9"])

    effect = only(Session(HOUSE), text)

    assert isinstance(effect, End)
    assert effect.code == WRONG_TOKEN


def test_hello_cannot_be_said_again() -> None:
    session = greeted("viewer")

    assert error_of(only(session, hello()))["code"] == Code.REQUEST
    assert session.role == "viewer"


def test_a_binary_frame_is_hung_up_on_also_before_hello() -> None:
    for session in (Session(HOUSE), greeted()):
        (effect,) = session.receive(b"{}", NOW)
        assert isinstance(effect, End)
        assert effect.code == MALFORMED


@pytest.mark.parametrize(
    "text", ["x" * (FRAME_LIMIT + 1), "é" * (FRAME_LIMIT // 2 + 1)]
)
def test_a_frame_is_measured_in_bytes(text: str) -> None:
    effect = only(greeted(), text)

    assert isinstance(effect, End)
    assert effect.code == TOO_BIG


def test_the_largest_frame_is_taken() -> None:
    text = frame("status", note="")
    filled = text.replace('""', f'"{"x" * (FRAME_LIMIT - len(text))}"')

    assert isinstance(only(greeted(), filled), Call)


@pytest.mark.parametrize(
    ("text", "code", "request_id"),
    [
        ("{", Code.PARSE, None),
        ("[" * 100_000, Code.PARSE, None),
        ('"\ud800"', Code.PARSE, None),
        ('{"id":1,"id":2}x', Code.PARSE, None),
        ("[]", Code.REQUEST, None),
        (f"[{frame('status')}]", Code.REQUEST, None),
        ("7", Code.REQUEST, None),
        ('{"jsonrpc":"2.0","method":"status"}', Code.REQUEST, None),
        (frame("status", None), Code.REQUEST, None),
        (frame("status", True), Code.REQUEST, None),
        (frame("status", 1.5), Code.REQUEST, None),
        (frame("status", 1 << 53), Code.REQUEST, None),
        (frame("status", "x" * 129), Code.REQUEST, None),
        (frame("status", [1]), Code.REQUEST, None),
        ('{"jsonrpc":"2.0","id":3}', Code.REQUEST, 3),
        ('{"jsonrpc":"1.0","id":3,"method":"status"}', Code.REQUEST, 3),
        ('{"jsonrpc":"2.0","id":3,"method":7}', Code.REQUEST, 3),
        ('{"jsonrpc":"2.0","id":3,"method":"status","params":[1]}', Code.PARAMETERS, 3),
        (frame("statsu", "a"), Code.METHOD, "a"),
    ],
)
def test_what_is_no_request_is_told_and_the_session_goes_on(
    text: str, code: int, request_id: object
) -> None:
    session = greeted()

    answer = told(only(session, text))

    assert (answer["error"]["code"], answer["id"]) == (code, request_id)
    assert isinstance(only(session, frame("status", 99)), Call)


def test_an_unknown_method_is_told_with_the_nearest_one() -> None:
    message = error_of(only(greeted(), frame("sbscribe")))["message"]

    assert message == "there is no method 'sbscribe'; did you mean 'subscribe'?"


def test_an_action_is_called_with_its_parameters_and_answered_by_its_id() -> None:
    session = greeted()

    effect = only(session, frame("steer", "mine", run="r", text="left"))

    assert effect == Call("mine", "steer", {"run": "r", "text": "left"})
    answer = told(session.answer("mine", '{"done":true}'))
    assert answer == {"jsonrpc": "2.0", "id": "mine", "result": {"done": True}}


def test_a_viewer_may_look_but_not_act() -> None:
    session = greeted("viewer")

    assert isinstance(only(session, frame("status")), Call)
    refused = error_of(only(session, frame("steer", 2)))
    assert refused["code"] == Code.ROLE
    assert "viewer" in refused["message"]


def test_an_id_can_be_used_again_when_its_request_was_answered() -> None:
    session = greeted()
    only(session, frame("status", 1))

    assert error_of(only(session, frame("status", 1)))["code"] == Code.REQUEST
    session.refuse(1, Fault(Code.DEFECT, "broken"))
    assert isinstance(only(session, frame("status", 1)), Call)


def test_so_many_requests_may_be_at_work_and_no_more() -> None:
    session = greeted()
    for number in range(REQUESTS):
        assert isinstance(only(session, frame("status", number)), Call)

    refused = error_of(only(session, frame("status", 99)))

    assert refused["code"] == Code.BUSY
    assert refused["data"]["retry_after"] > 0
    session.answer(3, "{}")
    assert isinstance(only(session, frame("status", 99)), Call)


def test_requests_over_the_rate_are_refused_until_time_has_passed() -> None:
    session = greeted()
    for number in range(RATE):
        assert error_of(only(session, frame("nothing", number)))["code"] == Code.METHOD

    refused = error_of(only(session, frame("nothing")))

    assert refused["code"] == Code.BUSY
    assert refused["data"]["retry_after"] == pytest.approx(1 / RATE)
    assert error_of(only(session, "{", NOW))["code"] == Code.BUSY
    later = NOW + 1.5 / RATE
    assert error_of(only(session, frame("nothing"), later))["code"] == Code.METHOD
    assert error_of(only(session, frame("nothing"), later))["code"] == Code.BUSY


def test_a_flood_is_hung_up_on() -> None:
    session = greeted()
    effects = [only(session, "{}") for _ in range(RATE + PATIENCE + 1)]

    assert all(isinstance(one, Say) for one in effects[:-1])
    assert effects[-1] == End(TOO_MUCH, "too many requests")


def test_whoever_pauses_long_enough_is_forgiven() -> None:
    session = greeted()
    for _ in range(RATE + PATIENCE):
        only(session, "{}")

    assert error_of(only(session, "{}", NOW + 1.0))["code"] == Code.REQUEST
    for _ in range(RATE):
        assert isinstance(only(session, "{}", NOW + 1.0), Say)


def test_a_clock_that_stands_still_grants_nothing() -> None:
    session = greeted()
    for _ in range(RATE):
        only(session, "{}", NOW)

    assert error_of(only(session, "{}", NOW - 10))["code"] == Code.BUSY


def test_a_subscription_names_its_scope_and_is_named_by_the_server() -> None:
    session = greeted("viewer")

    effect = only(session, frame("subscribe", scope="output", run="r", task="t"))

    assert isinstance(effect, Subscribe)
    assert effect.wish.scope == Scope("output", "r", "t")
    assert effect.wish.since is None
    answer = told(session.subscribed(effect, 7, b'{"text":"hi"}'))
    assert answer["result"] == {
        "subscription": effect.name,
        "rev": 7,
        "snapshot": {"text": "hi"},
    }
    assert session.is_open(effect.name)


def test_who_has_the_newest_gets_no_snapshot() -> None:
    session = greeted()
    effect = only(session, frame("subscribe", scope="runs", since=7))

    assert isinstance(effect, Subscribe)
    assert effect.wish.since == 7
    answer = told(session.subscribed(effect, 7, None))
    assert answer["result"] == {"subscription": "s1", "rev": 7, "unchanged": True}


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({}, "scope is missing"),
        ({"scope": 7}, "scope is missing"),
        ({"scope": "outputs"}, "did you mean 'output'?"),
        ({"scope": "run"}, "run is missing"),
        ({"scope": "runs", "run": "r"}, "'run' is no parameter of scope 'runs'"),
        ({"scope": "run", "run": ""}, "run must be a text of 1 to"),
        ({"scope": "run", "run": "r" * 300}, "run must be a text of 1 to"),
        ({"scope": "run", "run": 7}, "run must be a text of 1 to"),
        ({"scope": "output", "run": "r", "task": "t", "tail": -1}, "tail must be"),
        ({"scope": "output", "run": "r", "task": "t", "tail": True}, "tail must be"),
        ({"scope": "runs", "since": "1"}, "since must be a whole number"),
        ({"scope": "runs", "since": 1 << 60}, "since must be a whole number"),
    ],
)
def test_a_scope_that_cannot_be_is_told_with_its_problem(
    params: dict[str, object], problem: str
) -> None:
    refused = error_of(only(greeted(), frame("subscribe", **params)))

    assert refused["code"] == Code.PARAMETERS
    assert any(problem in one for one in refused["data"]["problems"])


def test_all_that_is_wrong_with_a_scope_is_told_at_once() -> None:
    text = frame("subscribe", scope="output", tail="x", more=1)

    assert len(error_of(only(greeted(), text))["data"]["problems"]) == 4


def test_so_many_subscriptions_may_be_open_and_no_more() -> None:
    session = greeted()
    opened: list[Subscribe] = []
    for number in range(SUBSCRIPTIONS):
        effect = only(session, frame("subscribe", number, scope="runs"))
        assert isinstance(effect, Subscribe)
        if number % 2:
            session.subscribed(effect, 1, b"{}")
        else:  # still being opened: it counts
            session.subscribed(effect, 1, None)
        opened.append(effect)

    assert (
        error_of(only(session, frame("subscribe", scope="runs")))["code"] == Code.BUSY
    )
    dropped, _ = session.receive(
        frame("unsubscribe", "u", subscription=opened[0].name), NOW
    )
    assert dropped == Drop(opened[0].name)
    assert isinstance(only(session, frame("subscribe", "n", scope="runs")), Subscribe)


def test_a_subscription_that_failed_leaves_its_place() -> None:
    session = greeted()
    for number in range(SUBSCRIPTIONS + 5):
        effect = only(session, frame("subscribe", number, scope="runs"))
        assert isinstance(effect, Subscribe)
        session.not_subscribed(effect, Fault(Code.REFUSED, "no such run"))
        assert not session.is_open(effect.name)


def test_nothing_is_told_of_a_subscription_that_was_ended() -> None:
    session = greeted()
    effect = only(session, frame("subscribe", scope="runs"))
    assert isinstance(effect, Subscribe)
    session.subscribed(effect, 1, b"{}")

    first = session.receive(frame("unsubscribe", 2, subscription=effect.name), NOW)
    second = only(session, frame("unsubscribe", 3, subscription=effect.name))

    assert first[0] == Drop(effect.name)
    assert told(first[1]) == {"jsonrpc": "2.0", "id": 2, "result": {}}
    assert error_of(second)["code"] == Code.PARAMETERS
    assert not session.is_open(effect.name)


def test_the_end_of_a_feed_is_told() -> None:
    session = greeted()
    effect = only(session, frame("subscribe", scope="runs"))
    assert isinstance(effect, Subscribe)
    session.subscribed(effect, 1, b"{}")

    ended = told(session.ended(effect.name, "the run was removed"))

    assert ended["method"] == "ended"
    assert ended["params"] == {"subscription": "s1", "why": "the run was removed"}
    assert not session.is_open("s1")


def test_no_token_is_in_the_text_of_what_holds_it() -> None:
    for one in (TOKENS, HOUSE, Session(HOUSE)):
        assert TOKENS.operator[9:] not in repr(one)
        assert TOKENS.viewer[7:] not in repr(one)


@pytest.mark.parametrize(
    "shown", ["", "x", TOKENS.operator, TOKENS.viewer, TOKENS.operator[:-1], "é"]
)
def test_a_token_is_compared_with_both_of_ours_in_constant_time(
    shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[bytes] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(_tokens, "compare_digest", compare)
    TOKENS.role_of(shown)

    assert compared == [TOKENS.operator.encode(), TOKENS.viewer.encode()]


def test_tokens_are_of_43_characters_and_never_the_same() -> None:
    made = [Tokens() for _ in range(50)]
    texts = {one for token in made for one in (token.operator, token.viewer)}

    assert len(texts) == 100
    assert {len(text.partition(".")[2]) for text in texts} == {43}


def test_effects_are_values() -> None:
    """So that a test can compare them."""
    for one in (Say, End, Call, Subscribe, Drop):
        assert attrs.has(one)
