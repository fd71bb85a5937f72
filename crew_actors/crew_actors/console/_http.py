# The head of a request, and what is answered to it.
#
# 1. It does no I/O: bytes go in, a reply or an upgrade to a websocket comes out. One
#    request for each connection; what it says in a body is never read.
# 2. `Host` must name us, or a page of another name that resolves to this machine could
#    be the reader of what we say. Any port will do: a tunnel has its own.
# 3. A websocket from a page must come from our page: `Origin`, if there is one, must be
#    that of `Host`. Programs have none.
# 4. A path is looked up in a table. There is no way from it to the file system.
"""HTTP without sockets: read heads, write replies."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, TypeAlias, final

import attrs
import h11

from crew_actors.console._tokens import Tokens

HEAD_LIMIT: Final = 16 * 1024
"""Bytes of the largest head of a request."""

HEAD_SECONDS: Final = 5.0
"""Seconds that a client has for the head, with the greeting of TLS if there is one."""

PROTOCOL: Final = "crew.v1"
"""The subprotocol that a websocket must ask for."""
_PLAIN: Final = "text/plain; charset=utf-8"
_HOST: Final = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
_KEY: Final = re.compile(r"[A-Za-z0-9+/]{22}==")
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


@final
@attrs.frozen
class Page:
    """A file of the web page."""

    kind: str
    """Its media type."""
    etag: str
    body: bytes = attrs.field(repr=False)


@final
@attrs.frozen
class Reply:
    """An answer that ends the connection."""

    status: int
    kind: str = _PLAIN
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


@final
@attrs.frozen
class Upgrade:
    """The connection becomes a websocket."""

    key: str
    """What the client wants to have answered, 16 bytes in base64."""


@final
@attrs.frozen
class Wanted:
    """What only the server can make is to be sent: the text of this path."""

    path: str


Decision: TypeAlias = Reply | Upgrade | Wanted


@final
@attrs.frozen(kw_only=True)
class Site:
    """What a server has to show, and for whom."""

    tokens: Tokens
    pages: Mapping[str, Page]
    names: frozenset[str]
    """The names that `Host` may have, in lower case."""
    is_secure: bool
    """Whether it speaks TLS."""


@final
@attrs.frozen
class Head:
    """The head of a request."""

    method: str
    path: str
    """Without what follows a question mark."""
    headers: tuple[tuple[str, str], ...]
    """Their names in lower case."""

    def all(self, name: str) -> list[str]:
        """Return the values of all headers of this name."""
        return [value for key, value in self.headers if key == name]

    def get(self, name: str) -> str | None:
        """Return the value of a header; None if it is missing or there are several."""
        found = self.all(name)
        return found[0] if len(found) == 1 else None

    def words(self, name: str) -> set[str]:
        """Return the words between the commas of all headers of this name."""
        return {word.strip().lower() for word in ",".join(self.all(name)).split(",")}


@final
@attrs.define(eq=False)
class HeadReader:
    """Takes in bytes until there is a head, or something that is none."""

    _parser: h11.Connection = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_LIMIT)

    def feed(self, data: bytes) -> Head | Reply | None:
        """Take in *data*; return the head, what is to be answered, or None for more.

        No *data* means that nothing more will come.
        """
        try:
            self._parser.receive_data(data)
            event = self._parser.next_event()
        except h11.RemoteProtocolError as error:
            return Reply(int(error.error_status_hint))
        if isinstance(event, h11.Request):
            return _head(event)
        if event is h11.NEED_DATA:
            return None
        return Reply(HTTPStatus.BAD_REQUEST)  # it ended before it began

    @property
    def rest(self) -> bytes:
        """What came after the head."""
        return self._parser.trailing_data[0]


def _head(request: h11.Request) -> Head:
    headers = tuple(
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in request.headers
    )
    path = request.target.decode("latin-1").partition("?")[0]
    return Head(request.method.decode("latin-1"), path, headers)


def decide(head: Head, site: Site) -> Decision:  # noqa: PLR0911 - a table of paths
    """Tell what is to be done for a request."""
    host = head.get("host")
    if host is None or _name_of(host) not in site.names:
        text = b"this server has another name; see `crew serve --hosts`\n"
        return Reply(HTTPStatus.MISDIRECTED_REQUEST, body=text)
    if head.method not in {"GET", "HEAD"}:
        allow = (("Allow", "GET, HEAD"),)
        return Reply(HTTPStatus.METHOD_NOT_ALLOWED, headers=allow)
    if head.path == "/ws":
        return _upgrade(head, host, site)
    if head.path == "/healthz":
        return Reply(HTTPStatus.OK, "application/json", b'{"status":"ok"}\n')
    if head.path == "/schema.json":
        return Wanted(head.path)
    if head.path == "/metrics":
        return _metrics(head, site)
    page = site.pages.get(head.path)
    if page is None:
        return Reply(HTTPStatus.NOT_FOUND, body=b"there is nothing here\n")
    return _show(page, head)


def _name_of(host: str) -> str | None:
    """Return the name in *host* in lower case, without its port; None if it is odd."""
    found = _HOST.fullmatch(host)
    return found["name"].lower() if found else None


def _upgrade(head: Head, host: str, site: Site) -> Decision:
    scheme = "https" if site.is_secure else "http"
    origins = head.all("origin")
    ours = _authority(host, scheme)
    if any(_origin(one) != (scheme, ours) for one in origins):
        text = b"a page of another origin may not connect\n"
        return Reply(HTTPStatus.FORBIDDEN, body=text)
    key = head.get("sec-websocket-key") or ""
    is_upgrade = (
        head.method == "GET"
        and "websocket" in head.words("upgrade")
        and "upgrade" in head.words("connection")
        and head.get("sec-websocket-version") == "13"
        and _KEY.fullmatch(key) is not None
    )
    if not is_upgrade:
        headers = (("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"))
        return Reply(HTTPStatus.UPGRADE_REQUIRED, headers=headers)
    if PROTOCOL not in head.words("sec-websocket-protocol"):
        text = f"ask for the subprotocol {PROTOCOL}\n".encode()
        return Reply(HTTPStatus.BAD_REQUEST, body=text)
    return Upgrade(key)


def _authority(host: str, scheme: str) -> str:
    """Return *host* in lower case, without the port that goes without saying."""
    return host.lower().removesuffix(f":{_DEFAULT_PORTS[scheme]}")


def _origin(text: str) -> tuple[str, str] | None:
    scheme, separator, host = text.partition("://")
    if not separator or scheme.lower() not in _DEFAULT_PORTS:
        return None
    return scheme.lower(), _authority(host, scheme.lower())


def _metrics(head: Head, site: Site) -> Decision:
    shown = (head.get("authorization") or "").partition(" ")
    if shown[0].lower() != "bearer" or site.tokens.role_of(shown[2].strip()) is None:
        headers = (("WWW-Authenticate", "Bearer"),)
        text = b"show a token: Authorization: Bearer TOKEN\n"
        return Reply(HTTPStatus.UNAUTHORIZED, body=text, headers=headers)
    return Wanted(head.path)


def _show(page: Page, head: Head) -> Reply:
    headers = (("ETag", page.etag), ("Cache-Control", "no-cache"))
    if page.etag in head.words("if-none-match"):
        return Reply(HTTPStatus.NOT_MODIFIED, page.kind, headers=headers)
    return Reply(HTTPStatus.OK, page.kind, page.body, headers)


def write_reply(reply: Reply, head: Head | None, site: Site) -> bytes:
    """Write the bytes of *reply* to the request with *head*, if there was one."""
    status = HTTPStatus(reply.status)
    body = reply.body
    if not body and reply.status >= HTTPStatus.BAD_REQUEST:
        body = f"{status.phrase}\n".encode()
    headers = [
        ("Content-Type", reply.kind),
        ("Connection", "close"),
        *_guards(head, site),
        *reply.headers,
    ]
    if all(name != "Cache-Control" for name, _ in headers):
        headers.append(("Cache-Control", "no-store"))
    if status is not HTTPStatus.NOT_MODIFIED:
        headers.append(("Content-Length", str(len(body))))
    lines = [f"HTTP/1.1 {reply.status} {status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers]
    text = "\r\n".join([*lines, "", ""]).encode("latin-1")
    is_without = head is not None and head.method == "HEAD"
    return text if is_without or status is HTTPStatus.NOT_MODIFIED else text + body


def _guards(head: Head | None, site: Site) -> tuple[tuple[str, str], ...]:
    """Return the headers that keep a browser from what no page of ours needs."""
    host = None if head is None else head.get("host")
    connect = "'self'"
    if host is not None and _name_of(host) in site.names:
        # Some browsers do not count a websocket of the same host as 'self'.
        connect += f" {'wss' if site.is_secure else 'ws'}://{host}"
    policy = "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            f"connect-src {connect}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
    return (
        ("Content-Security-Policy", policy),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    )
