# What is in a frame of `crew.v1`: one object of JSON-RPC 2.0, in text.
#
# 1. Nothing here waits, keeps anything or raises on what a client has sent.
# 2. A request has an id. What has none could not be told what became of it, so nothing
#    is done for it.
# 3. Results and changes come as JSON already, and are put into frames as they are: what
#    many clients get is written once.
"""Frames: parse those of clients, write those of the server."""

import json
from collections.abc import Mapping
from enum import IntEnum
from typing import Final, TypeAlias, cast, final

import attrs
import msgspec

FRAME_LIMIT: Final = 256 * 1024
"""Bytes of the largest frame that a client may send."""

ID_LIMIT: Final = 128
"""Characters of the longest id of a request."""

_SAFE: Final = 1 << 53  # beyond it, JavaScript cannot tell two whole numbers apart

RequestId: TypeAlias = str | int


@final
class Code(IntEnum):
    """What is wrong with a request."""

    PARSE = -32700
    """The frame is no JSON."""
    REQUEST = -32600
    """It is JSON, and no request."""
    METHOD = -32601
    """There is no such method."""
    PARAMETERS = -32602
    """`data.problems` tells what is wrong with them."""
    DEFECT = -32603
    """A fault of the server, which its log tells more about."""
    REFUSED = -32000
    """The action could not be done. `data` has `kind` and `exit_code`."""
    ROLE = -32003
    """The token's role does not allow it."""
    BUSY = -32005
    """Too many requests. `data.retry_after` tells the seconds to wait."""


@final
@attrs.frozen
class Fault:
    """Why a request was not granted."""

    code: Code
    message: str
    data: Mapping[str, object] | None = None
    id: RequestId | None = None
    """Of the request, as far as one could be found in the frame."""


@final
@attrs.frozen
class Request:
    """What a client asks for."""

    id: RequestId
    method: str
    params: Mapping[str, object]


def parse(frame: str) -> Request | Fault:
    """Take *frame* for a request; a `Fault` tells why it is none."""
    try:
        found: object = msgspec.json.decode(frame)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return Fault(Code.PARSE, "the frame is no JSON")
    if not isinstance(found, dict):
        return Fault(Code.REQUEST, "a request is one object of JSON; batches are not")
    said = cast("dict[str, object]", found)
    name = said.get("id")
    if not _is_id(name):
        return Fault(Code.REQUEST, "a request needs an id: a text or a whole number")
    request_id = cast("RequestId", name)
    method, params = said.get("method"), said.get("params", {})
    if said.get("jsonrpc") != "2.0" or not isinstance(method, str):
        wanted = 'a request needs "jsonrpc":"2.0" and a method'
        return Fault(Code.REQUEST, wanted, id=request_id)
    if not isinstance(params, dict):
        wanted = "params must be an object: each parameter by its name"
        return Fault(Code.PARAMETERS, wanted, {"problems": [wanted]}, request_id)
    return Request(request_id, method, cast("dict[str, object]", params))


def _is_id(name: object) -> bool:
    if isinstance(name, str):
        return len(name) <= ID_LIMIT
    return isinstance(name, int) and not isinstance(name, bool) and abs(name) < _SAFE


def write(value: object) -> str:
    """Write plain data as JSON, in ASCII."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def result_frame(request_id: RequestId, result: str) -> str:
    """Answer a request with *result*, which is JSON."""
    return f'{{"jsonrpc":"2.0","id":{write(request_id)},"result":{result}}}'


def error_frame(request_id: RequestId | None, fault: Fault) -> str:
    """Answer a request with what is wrong with it."""
    error: dict[str, object] = {"code": int(fault.code), "message": fault.message}
    if fault.data is not None:
        error["data"] = dict(fault.data)
    return write({"jsonrpc": "2.0", "id": request_id, "error": error})


def subscribed_result(subscription: str, rev: int, snapshot: bytes | None) -> str:
    """Write the result of `subscribe`; without a snapshot, nothing has changed."""
    told = "true" if snapshot is None else snapshot.decode()
    key = "unchanged" if snapshot is None else "snapshot"
    return f'{{"subscription":"{subscription}","rev":{rev},"{key}":{told}}}'


def update_frame(subscription: str, body: bytes) -> str:
    """Tell of what is newer. *body* is an object with `base`, `rev` and `changes`."""
    head = '{"jsonrpc":"2.0","method":"update","params":{"subscription":"'
    return f'{head}{subscription}",{body[1:].decode()}}}'


def notice_frame(method: str, params: Mapping[str, object]) -> str:
    """Tell of something that nobody has asked for."""
    return write({"jsonrpc": "2.0", "method": method, "params": dict(params)})
