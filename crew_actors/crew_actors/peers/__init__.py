# Two programs that talk in JSON, one object a line, and either may ask the other.
#
#   _messages  what is said, whatever the protocol     _errors  what can go wrong
#   _dialect   how a protocol writes it; JSON-RPC      _wire    where lines come from
#   _peer      the talk itself
"""Talk to another program in JSON lines."""

from ._dialect import Dialect as Dialect, JsonRpc as JsonRpc
from ._errors import (
    INVALID_REQUEST as INVALID_REQUEST,
    METHOD_NOT_FOUND as METHOD_NOT_FOUND,
    MessageTooLarge as MessageTooLarge,
    PeerClosed as PeerClosed,
    PeerError as PeerError,
    RequestRefused as RequestRefused,
    unknown_method as unknown_method,
)
from ._messages import (
    Cancels as Cancels,
    Incoming as Incoming,
    Notification as Notification,
    Params as Params,
    Reply as Reply,
    Request as Request,
    Stray as Stray,
)
from ._peer import (
    SERVED_AT_ONCE as SERVED_AT_ONCE,
    Peer as Peer,
    open_peer as open_peer,
)
from ._wire import ProcessWire as ProcessWire, Wire as Wire, WireLine as WireLine
