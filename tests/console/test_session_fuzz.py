"""A session, and clients of any kind."""

import json

from hypothesis import given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.support.sessions import HOUSE, NOW, TOKENS, frame, greeted, hello, only, told

from crew_actors.console._frames import Code, Fault
from crew_actors.console._scopes import SCOPES
from crew_actors.console._session import (
    REQUESTS,
    SUBSCRIPTIONS,
    Call,
    Drop,
    End,
    Say,
    Session,
    Subscribe,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=12,
)
REQUEST_LIKE = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.sampled_from(["2.0", "1.0"]) | JSON,
        "id": st.integers(-3, 20) | st.text(max_size=3) | JSON,
        "method": st.sampled_from(
            ["hello", "status", "steer", "subscribe", "unsubscribe"]
        )
        | JSON,
        "params": st.fixed_dictionaries(
            {},
            optional={
                "token": st.sampled_from([TOKENS.operator, TOKENS.viewer]) | JSON,
                "versions": st.just(["crew.v1"]) | JSON,
                "scope": st.sampled_from(sorted(SCOPES)) | JSON,
                "run": st.text(max_size=5) | JSON,
                "task": st.text(max_size=5) | JSON,
                "subscription": st.sampled_from(["s1", "s2", "s3"]) | JSON,
                "since": st.integers(0, 5) | JSON,
            },
        )
        | JSON,
    },
)
FRAMES = (
    st.text(max_size=60)
    | st.binary(max_size=60)
    | JSON.map(json.dumps)
    | REQUEST_LIKE.map(json.dumps)
    | st.sampled_from([hello(), hello(TOKENS.viewer)])
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(FRAMES, st.floats(-1, 2)), max_size=30))
def test_no_frame_makes_a_session_raise(
    frames: list[tuple[str | bytes, float]],
) -> None:
    session = Session(HOUSE)
    now = 0.0
    for one, later in frames:
        now += later
        for effect in session.receive(one, now):
            if isinstance(effect, Say):
                answer = json.loads(effect.frame)
                assert ("result" in answer) != ("error" in answer)
            if session.role is None:
                assert isinstance(effect, End)
            if isinstance(effect, End):
                return


class Conversation(RuleBasedStateMachine):
    """A client of any kind, and a server that answers when it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.session = greeted()
        self.now = NOW
        self.calls: list[Call] = []
        self.opening: list[Subscribe] = []
        self.open: set[str] = set()

    @rule(request=st.integers(0, 30), method=st.sampled_from(["status", "subscribe"]))
    def ask(self, request: int, method: str) -> None:
        params = {"scope": "runs"} if method == "subscribe" else {}
        effect = only(self.session, frame(method, request, **params), self.now)
        busy = {one.id for one in self.calls} | {one.id for one in self.opening}
        if isinstance(effect, Call):
            self.calls.append(effect)
        elif isinstance(effect, Subscribe):
            self.opening.append(effect)
        if isinstance(effect, Call | Subscribe):
            assert effect.id == request
            assert request not in busy

    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        if self.calls:
            call = data.draw(st.sampled_from(self.calls))
            self.calls.remove(call)
            assert told(self.session.answer(call.id, "{}"))["id"] == call.id

    @rule(data=st.data(), well=st.booleans())
    def opened(self, data: st.DataObject, well: bool) -> None:
        if not self.opening:
            return
        wanted = data.draw(st.sampled_from(self.opening))
        self.opening.remove(wanted)
        if well:
            assert wanted.name not in self.open
            self.session.subscribed(wanted, 1, b"{}")
            self.open.add(wanted.name)
        else:
            self.session.not_subscribed(wanted, Fault(Code.REFUSED, "no"))

    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        if self.open:
            name = data.draw(st.sampled_from(sorted(self.open)))
            effects = self.session.receive(
                frame("unsubscribe", "u", subscription=name), self.now
            )
            if isinstance(effects[0], Drop):
                self.open.discard(name)

    @rule(seconds=st.floats(0, 1))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def is_bounded(self) -> None:
        assert len(self.calls) + len(self.opening) <= REQUESTS
        assert len(self.open) + len(self.opening) <= SUBSCRIPTIONS
        assert all(self.session.is_open(name) for name in self.open)


TestConversation = Conversation.TestCase
TestConversation.settings = settings(
    max_examples=60, stateful_step_count=60, deadline=None
)
