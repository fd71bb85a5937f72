# trio asks Windows at its start for a socket's lowest layer by a call that Wine 8 does not
# have. There are no layers under Wine, so the base socket is the answer. Elsewhere this
# changes nothing. It is a plugin of pytest: `-p tests.support.wine`.
"""Let trio start under Wine."""

import sys
from typing import Any


def version() -> str | None:
    """Return the version of Wine; None when this is not Wine."""
    if sys.platform == "win32":
        import ctypes  # noqa: PLC0415 - Windows only

        ntdll = ctypes.WinDLL("ntdll")
        if hasattr(ntdll, "wine_get_version"):
            ntdll.wine_get_version.restype = ctypes.c_char_p
            told: bytes = ntdll.wine_get_version()
            return told.decode()
    return None


def let_trio_start() -> None:
    """Answer with the base socket where Wine has no answer."""
    import trio._core._io_windows as io  # noqa: PLC0415 - Windows only

    module: Any = io
    ask = module._get_underlying_socket
    base = module.WSAIoctls.SIO_BASE_HANDLE

    def ask_wine(sock: object, *, which: object = base) -> object:
        try:
            return ask(sock, which=which)
        except OSError:
            if which == base:
                raise
            return ask(sock, which=base)

    module._get_underlying_socket = ask_wine


if version() is not None:
    let_trio_start()
