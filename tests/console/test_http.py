import h11
import pytest
from hypothesis import example, given, settings, strategies as st

from crew_actors.console._http import (
    HEAD_LIMIT,
    Decision,
    Head,
    HeadReader,
    Page,
    Reply,
    Site,
    Upgrade,
    Wanted,
    decide,
    write_reply,
)
from crew_actors.console._tokens import Tokens

TOKENS = Tokens()
PAGE = Page("text/html; charset=utf-8", '"abc"', b"<p>hello")
SITE = Site(
    tokens=TOKENS,
    pages={"/": PAGE, "/app.js": Page("text/javascript", '"js"', b"1")},
    names=frozenset({"localhost", "127.0.0.1", "[::1]", "box.example"}),
    is_secure=False,
)
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
WEBSOCKET = {
    "Connection": "keep-alive, Upgrade",
    "Upgrade": "WebSocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Protocol": "other, crew.v1",
}


def head_of(
    path: str = "/", method: str = "GET", host: str = "localhost:80", **headers: str
) -> Head:
    fields = {"Host": host} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items())]
    found = HeadReader().feed("\r\n".join([*lines, "", ""]).encode())
    assert isinstance(found, Head), found
    return found


def socket_of(host: str = "localhost:80", **headers: str) -> Head:
    changed = {**WEBSOCKET, **{k.replace("_", "-"): v for k, v in headers.items()}}
    lines = ["GET /ws HTTP/1.1", f"Host: {host}"]
    lines += [f"{k}: {v}" for k, v in changed.items() if v]
    found = HeadReader().feed("\r\n".join([*lines, "", ""]).encode())
    assert isinstance(found, Head), found
    return found


def status_of(decision: Decision) -> int:
    assert isinstance(decision, Reply)
    return decision.status


def test_a_head_may_come_in_any_pieces() -> None:
    text = b"GET /x?token=y HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nX-A: 2\r\n\r\nrest"
    for size in (1, 2, 7, len(text)):
        reader = HeadReader()
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        found: Head | Reply | None = None
        while found is None:
            found = reader.feed(pieces.pop(0))

        assert isinstance(found, Head)
        assert (found.method, found.path) == ("GET", "/x")
        assert found.all("x-a") == ["1", "2"]
        assert found.get("x-a") is None
        assert found.get("host") == "a"
        assert b"rest".startswith(reader.rest)


@pytest.mark.parametrize(
    "text",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01",  # the hello of TLS
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n: none\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
    ],
)
def test_what_is_no_head_is_answered_with_what_is_wrong(text: bytes) -> None:
    found = HeadReader().feed(text)

    assert isinstance(found, Reply)
    assert 400 <= found.status < 500


def test_a_head_that_ends_too_early_is_answered() -> None:
    for begun in (b"", b"GET / HT"):
        reader = HeadReader()
        assert not begun or reader.feed(begun) is None
        found = reader.feed(b"")
        assert isinstance(found, Reply)
        assert found.status == 400


def test_a_head_is_limited() -> None:
    reader = HeadReader()
    assert reader.feed(b"GET / HTTP/1.1\r\nX: ") is None
    found: Head | Reply | None = None
    sent = 0
    while found is None:
        found = reader.feed(b"x" * 1000)
        sent += 1000

    assert isinstance(found, Reply)
    assert found.status == 431
    assert sent <= HEAD_LIMIT + 1000


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.2",
        "localhost:80:80",
        "localhost:port",
        "localhost@evil.example",
        "[::2]",
        "user@localhost",
        "local host",
        "localhost;x",
        "",
    ],
)
def test_a_name_that_is_not_ours_gets_nothing(host: str) -> None:
    """A name of somebody else may resolve to this machine: DNS rebinding."""
    for path in ("/", "/healthz", "/schema.json", "/metrics", "/ws"):
        assert status_of(decide(head_of(path, host=host), SITE)) == 421


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:9", "127.0.0.1:1", "[::1]:65535", "box.example:7"]
)
def test_our_names_are_ours_at_any_port(host: str) -> None:
    assert status_of(decide(head_of(host=host), SITE)) == 200


def test_a_request_of_old_http_without_a_host_gets_nothing() -> None:
    found = HeadReader().feed(b"GET / HTTP/1.0\r\n\r\n")

    assert isinstance(found, Head)
    assert status_of(decide(found, SITE)) == 421


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "X"])
def test_only_reading_methods_are_allowed(method: str) -> None:
    reply = decide(head_of(method=method), SITE)

    assert status_of(reply) == 405
    assert b"Allow: GET, HEAD" in write_reply(
        Reply(405, headers=(("Allow", "GET, HEAD"),)), None, SITE
    )


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/../secret",
        "/%2e%2e/secret",
        "//etc/passwd",
        "/app.js/",
        "/APP.JS",
        "http://localhost/",
        "*",
    ],
)
def test_a_path_that_is_not_in_the_table_is_nothing(path: str) -> None:
    assert status_of(decide(head_of(path), SITE)) == 404


def test_a_page_is_shown_with_its_kind_and_asked_for_again_by_its_tag() -> None:
    shown = decide(head_of("/?x=1"), SITE)
    again = decide(head_of("/", If_None_Match='"xyz", "abc"'), SITE)
    other = decide(head_of("/", If_None_Match='"xyz"'), SITE)

    assert isinstance(shown, Reply)
    assert (shown.status, shown.body) == (200, PAGE.body)
    assert ("ETag", '"abc"') in shown.headers
    assert ("Cache-Control", "no-cache") in shown.headers
    assert status_of(again) == 304
    assert status_of(other) == 200


@pytest.mark.parametrize("token", [TOKENS.operator, TOKENS.viewer])
def test_metrics_need_a_token(token: str) -> None:
    wrong = (None, "Bearer", "Bearer x", f"Basic {token}", token)
    for shown in wrong:
        headers = {} if shown is None else {"Authorization": shown}
        assert status_of(decide(head_of("/metrics", **headers), SITE)) == 401

    granted = decide(head_of("/metrics", Authorization=f"bearer {token}"), SITE)
    assert granted == Wanted("/metrics")


def test_the_schema_and_the_health_need_none() -> None:
    assert decide(head_of("/schema.json"), SITE) == Wanted("/schema.json")
    assert status_of(decide(head_of("/healthz"), SITE)) == 200


def test_a_websocket_is_granted() -> None:
    assert decide(socket_of(), SITE) == Upgrade(KEY)


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://localhost:81",
        "http://localhost.evil.example:80",
        "https://localhost:80",
        "http://127.0.0.1:80",
        "null",
        "file://",
        "localhost:80",
        "chrome-extension://abc",
        "http://localhost:80/",
        "http://localhost:80, http://evil.example",
    ],
)
def test_a_page_of_another_origin_gets_no_websocket(origin: str) -> None:
    assert status_of(decide(socket_of(Origin=origin), SITE)) == 403


@pytest.mark.parametrize(
    ("host", "origin", "is_secure"),
    [
        ("localhost:80", "http://localhost:80", False),
        ("localhost:80", "http://localhost", False),
        ("localhost", "HTTP://LOCALHOST:80", False),
        ("127.0.0.1:9000", "http://127.0.0.1:9000", False),
        ("[::1]:9000", "http://[::1]:9000", False),
        ("localhost:443", "https://localhost", True),
    ],
)
def test_our_page_gets_its_websocket(host: str, origin: str, is_secure: bool) -> None:
    site = Site(tokens=TOKENS, pages={}, names=SITE.names, is_secure=is_secure)
    assert decide(socket_of(host, Origin=origin), site) == Upgrade(KEY)


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("Upgrade", "", 426),
        ("Upgrade", "h2c", 426),
        ("Connection", "keep-alive", 426),
        ("Sec_WebSocket_Version", "8", 426),
        ("Sec_WebSocket_Key", "short", 426),
        ("Sec_WebSocket_Key", "", 426),
        ("Sec_WebSocket_Protocol", "", 400),
        ("Sec_WebSocket_Protocol", "crew.v2", 400),
    ],
)
def test_half_a_websocket_is_told_what_it_lacks(
    name: str, value: str, status: int
) -> None:
    assert status_of(decide(socket_of(**{name: value}), SITE)) == status


def parsed(data: bytes, method: str = "GET") -> tuple[h11.Response, bytes]:
    """Read a reply as a client does that is strict."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    client.receive_data(b"")
    response = client.next_event()
    assert isinstance(response, h11.Response)
    body = b""
    while isinstance(event := client.next_event(), h11.Data):
        body += bytes(event.data)
    assert isinstance(event, h11.EndOfMessage)
    return response, body


def test_each_reply_has_the_headers_that_keep_a_browser_safe() -> None:
    for reply in (Reply(200, body=b"x"), Reply(404), Reply(304), Reply(431)):
        response, _ = parsed(write_reply(reply, head_of(), SITE))
        headers = dict(response.headers)

        policy = headers[b"content-security-policy"].decode()
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "connect-src 'self' ws://localhost:80;" in policy
        assert headers[b"x-content-type-options"] == b"nosniff"
        assert headers[b"referrer-policy"] == b"no-referrer"
        assert headers[b"cross-origin-opener-policy"] == b"same-origin"
        assert headers[b"connection"] == b"close"
        assert b"cache-control" in headers


def test_a_foreign_name_never_gets_into_a_header() -> None:
    data = write_reply(Reply(421), head_of(host="evil.example;script-src *"), SITE)

    assert b"evil" not in data


def test_a_reply_to_head_has_the_length_of_what_it_leaves_out() -> None:
    data = write_reply(Reply(200, body=b"12345"), head_of(method="HEAD"), SITE)

    response, body = parsed(data, "HEAD")
    assert dict(response.headers)[b"content-length"] == b"5"
    assert body == b""


HOSTILE = st.one_of(
    st.binary(max_size=200),
    st.lists(
        st.sampled_from(
            [
                b"GET ",
                b"/ws",
                b"/",
                b" HTTP/1.1\r\n",
                b"Host: localhost\r\n",
                b"Host: \xff\r\n",
                b"Origin: http://localhost\r\n",
                b"Origin: \x00\r\n",
                b"Transfer-Encoding: chunked\r\n",
                b"Content-Length: 5\r\n",
                b"Content-Length: -5\r\n",
                b"Connection: Upgrade\r\n",
                b"Upgrade: websocket\r\n",
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                b"Sec-WebSocket-Version: 13\r\n",
                b"Sec-WebSocket-Protocol: crew.v1\r\n",
                b'If-None-Match: "abc"\r\n',
                b"Authorization: Bearer \xe9\r\n",
                b"\r\n",
                b"\n",
                b"\x00",
            ]
        ),
        max_size=20,
    ).map(b"".join),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(HOSTILE, max_size=5))
@example(
    [b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \xe9\r\n\r\n"]
)
def test_no_bytes_make_the_reading_of_a_head_raise(pieces: list[bytes]) -> None:
    reader = HeadReader()
    for piece in (*pieces, b""):
        found = reader.feed(piece)
        if found is None:
            continue
        decision = decide(found, SITE) if isinstance(found, Head) else found
        if isinstance(decision, Reply):
            head = found if isinstance(found, Head) else None
            method = (
                head.method if head is not None and head.method == "HEAD" else "GET"
            )
            parsed(write_reply(decision, head, SITE), method)
        return
