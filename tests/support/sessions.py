"""A session as tests talk to it, without a socket."""

import json
from typing import Any, cast

from crew_actors.console._session import Effect, Exposed, House, Say, Session
from crew_actors.console._tokens import Role, Tokens

TOKENS = Tokens()
HOUSE = House(
    tokens=TOKENS,
    server={"pid": 7},
    actions={
        "status": Exposed(summary="Look.", role="viewer"),
        "steer": Exposed(summary="Act.", role="operator"),
    },
    wall_clock=lambda: 1000.5,
)
NOW = 50.0


def frame(method: str, request: object = 1, **params: object) -> str:
    said = {"jsonrpc": "2.0", "id": request, "method": method, "params": params}
    return json.dumps(said)


def hello(token: object = TOKENS.operator, versions: object = ("crew.v1",)) -> str:
    return frame("hello", token=token, versions=versions)


def greeted(role: Role = "operator") -> Session:
    session = Session(HOUSE)
    token = TOKENS.operator if role == "operator" else TOKENS.viewer
    (said,) = session.receive(hello(token), NOW)
    assert isinstance(said, Say)
    return session


def told(effect: Effect) -> dict[str, Any]:
    assert isinstance(effect, Say)
    return cast("dict[str, Any]", json.loads(effect.frame))


def only(session: Session, text: str, now: float = NOW) -> Effect:
    (effect,) = session.receive(text, now)
    return effect
