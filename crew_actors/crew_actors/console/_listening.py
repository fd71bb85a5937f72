# 1. Who can reach this machine from elsewhere gets nothing unencrypted, unless somebody
#    has said so.
# 2. All addresses of a name are listened on at one port.
"""Open the sockets that a server listens on."""

import ipaddress
import socket
from typing import cast

import trio

from crew_actors.console._errors import CannotListen, NotLoopback

_BACKLOG = 512


async def open_listeners(
    host: str, port: int, *, is_safe: bool
) -> list[trio.SocketListener]:
    """Listen on all addresses of *host*, at *port* or, if that is 0, at any one.

    Raises:
      NotLoopback: one of them is no loopback address, and it is not *is_safe*.
      CannotListen: there is no such address, or the port is taken.
    """
    addresses = await _addresses(host, port)
    if not is_safe and not all(map(_is_loopback, addresses)):
        raise NotLoopback(host)
    listeners: list[trio.SocketListener] = []
    try:
        for address in addresses:
            listeners += await trio.open_tcp_listeners(
                port, host=address, backlog=_BACKLOG
            )
            port = port_of(listeners[0])
    except OSError as error:
        for one in listeners:
            await one.aclose()
        raise CannotListen(host, port, error.strerror or str(error)) from error
    return listeners


def port_of(listener: trio.SocketListener) -> int:
    """Return the port of *listener*."""
    return cast("int", listener.socket.getsockname()[1])


async def _addresses(host: str, port: int) -> list[str]:
    if host == "localhost":
        return ["127.0.0.1"]  # what others make of this name is not asked
    try:
        found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise CannotListen(host, port, error.strerror or str(error)) from error
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def names_of(host: str, hosts: tuple[str, ...]) -> frozenset[str]:
    """Return the names under which clients may ask for a server on *host*."""
    names = {"localhost", "127.0.0.1", "[::1]", *(one.lower() for one in hosts)}
    if host not in {"", "0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        names.add(f"[{host}]" if ":" in host else host.lower())
    return frozenset(names)
