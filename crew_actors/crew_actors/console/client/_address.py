# 1. An address may be the whole link that `crew serve` tells: its fragment is the token.
# 2. A token is in no text that this module makes.
"""Where a console is."""

import ssl
from typing import Final, final
from urllib.parse import SplitResult, urlsplit

import attrs

from crew_actors.console._tokens import TOKEN_LIMIT
from crew_actors.console.client._errors import BadAddress

_PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_SECURE: Final = frozenset({"https", "wss"})


@final
@attrs.frozen(kw_only=True)
class Address:
    """Where a console is, and how to get in."""

    host: str
    port: int
    token: str = attrs.field(repr=False)
    tls: ssl.SSLContext | None = None

    @property
    def url(self) -> str:
        """Of the page, without the token."""
        return f"{'http' if self.tls is None else 'https'}://{self.authority}/"

    @property
    def authority(self) -> str:
        """The host and the port, as a request names them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def read_address(
    url: str, token: str | None = None, tls: ssl.SSLContext | None = None
) -> Address:
    """Take *url* apart. Its fragment is the token, if there is no *token*.

    Raises:
      BadAddress: it is none, or there is no token.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadAddress(f"{_shown(url)} is no address: {error}") from None
    if parts.scheme not in _PORTS or not host or parts.username is not None:
        wanted = "give one like http://127.0.0.1:8765/"
        raise BadAddress(f"{_shown(url)} is no address of a console: {wanted}")
    shown = token or parts.fragment
    return Address(
        host=host,
        port=_PORTS[parts.scheme] if port is None else port,
        token=_token(shown, parts),
        tls=_tls(parts, tls),
    )


def _token(shown: str, parts: SplitResult) -> str:
    if not shown:
        raise BadAddress(
            f"there is no token for {parts.netloc}: give the whole link that "
            "`crew serve` tells, or --token, or set CREW_CONSOLE_TOKEN"
        )
    if len(shown) > TOKEN_LIMIT or not shown.isascii():
        raise BadAddress(f"that is no token of a console at {parts.netloc}")
    return shown


def _tls(parts: SplitResult, tls: ssl.SSLContext | None) -> ssl.SSLContext | None:
    if parts.scheme not in _SECURE:
        return None
    return ssl.create_default_context() if tls is None else tls


def _shown(url: str) -> str:
    return repr(url.partition("#")[0][:200])
