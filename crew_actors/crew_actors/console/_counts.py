"""What a server counts about itself."""

import math
from collections.abc import Iterable, Mapping
from typing import Final, Literal, final

import attrs

Kind = Literal["gauge", "counter"]


@final
@attrs.frozen
class Sample:
    """A figure as it is now."""

    name: str
    kind: Kind
    unit: str
    help: str
    value: float


@final
@attrs.define(eq=False)
class Counts:
    """Figures of one server. Only its own tasks write them."""

    connections: int = 0
    """Connections that are open, with those that ask for a file."""
    clients: int = 0
    """Clients that have said hello, and are there."""
    accepted: int = 0
    """Connections since the server began."""
    crowded_out: int = 0
    """Connections that were closed, as there were too many."""
    replies: int = 0
    """Answers over HTTP."""
    frames_in: int = 0
    frames_out: int = 0
    bytes_out: int = 0
    """Characters of frames that were sent."""
    updates: int = 0
    """Frames that told of changes."""
    turned_away: int = 0
    """Clients that were hung up on for what they did before or in their hello."""
    floods: int = 0
    """Clients that were hung up on for asking too much."""
    stuck: int = 0
    """Clients that were given up since they did not read."""
    silent: int = 0
    """Clients that were given up since they did not answer a ping."""
    actions: int = 0
    """Actions that were asked for and begun."""

    def samples(self) -> list[Sample]:
        """Return all of them."""
        return [
            Sample(f"console_{name}", kind, "", text, float(getattr(self, name)))
            for name, (kind, text) in _MEANINGS.items()
        ]


_MEANINGS: Final[Mapping[str, tuple[Kind, str]]] = {
    "connections": ("gauge", "Connections that are open"),
    "clients": ("gauge", "Clients that have said hello"),
    "accepted": ("counter", "Connections since the server began"),
    "crowded_out": ("counter", "Connections closed, as there were too many"),
    "replies": ("counter", "Answers over HTTP"),
    "frames_in": ("counter", "Frames received"),
    "frames_out": ("counter", "Frames sent"),
    "bytes_out": ("counter", "Characters of frames sent"),
    "updates": ("counter", "Frames that told of changes"),
    "turned_away": ("counter", "Clients hung up on before or in their hello"),
    "floods": ("counter", "Clients hung up on for asking too much"),
    "stuck": ("counter", "Clients given up since they did not read"),
    "silent": ("counter", "Clients given up since they did not answer a ping"),
    "actions": ("counter", "Actions begun"),
}
"""The kind of each figure and what it tells."""


def exposition(samples: Iterable[Sample]) -> str:
    """Write *samples* as Prometheus reads them."""
    lines: list[str] = []
    for one in samples:
        name = f"crew_{one.name}" + ("_total" if one.kind == "counter" else "")
        about = f"{one.help}{f' ({one.unit})' if one.unit else ''}"
        lines += [
            f"# HELP {name} {_escaped(about)}",
            f"# TYPE {name} {one.kind}",
            f"{name} {_number(one.value)}",
        ]
    return "\n".join([*lines, ""])


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return "NaN" if math.isnan(value) else repr(value)
