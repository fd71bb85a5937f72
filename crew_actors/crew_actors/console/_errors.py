"""What can be wrong with a console."""

from pathlib import Path
from typing import final

from crew_actors.errors import UserError


@final
class NotLoopback(UserError):
    """The address is reached from other machines, and nothing is encrypted."""

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.host = host

    def __str__(self) -> str:
        return (
            f"{self.host} can be reached from other machines: give --tls-cert and "
            "--tls-key, or --insecure where the network is trusted"
        )


@final
class CannotListen(UserError):
    """The address cannot be listened on. Nothing was started."""

    exit_code = 1

    def __init__(self, host: str, port: int, why: str) -> None:
        super().__init__(host, port, why)
        self.host = host
        self.port = port
        self.why = why

    def __str__(self) -> str:
        return f"cannot listen on {self.host} port {self.port}: {self.why}"


@final
class BadCertificate(UserError):
    """The certificate or its key cannot be used. Nothing was started."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(path, why)
        self.path = path
        self.why = why

    def __str__(self) -> str:
        return f"the certificate {self.path} or its key cannot be used: {self.why}"


@final
class BadTokenFile(UserError):
    """The file of the tokens cannot be used. Nothing was started."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path, why)
        self.path = path
        self.why = why

    def __str__(self) -> str:
        return f"token file {self.path}: {self.why}"
