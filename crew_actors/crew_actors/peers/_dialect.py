# A dialect is two tables: from a JSON object to what it means, and back. It waits for
# nothing and keeps nothing.
"""How a protocol writes what peers say."""

from collections.abc import Mapping
from typing import Protocol, cast, final

import attrs

from crew_actors.peers._errors import RequestRefused
from crew_actors.peers._messages import (
    Cancels,
    Incoming,
    Notification,
    Params,
    Reply,
    Request,
)


class Dialect(Protocol):
    """One protocol of JSON lines. Its methods are pure."""

    def read(self, found: Params) -> Incoming | None:
        """Tell what an object says; None if that is nothing of this protocol."""
        ...

    def read_cut(self, beginning: str) -> Incoming | None:
        """Tell what a line says of which only the *beginning* is there, if it can."""
        ...

    def request(self, number: int, method: str, params: Params) -> Params:
        """Write a request of ours."""
        ...

    def notification(self, method: str, params: Params) -> Params:
        """Write what wants no answer."""
        ...

    def reply(self, request: Request, result: object) -> Params:
        """Write the answer to *request*."""
        ...

    def refusal(self, request: Request, why: RequestRefused) -> Params:
        """Write that *request* is refused."""
        ...

    def cancel(self, number: int) -> Params | None:
        """Write that our request is void; None if the protocol has no word for it."""
        ...


@final
@attrs.frozen(kw_only=True)
class JsonRpc:
    """JSON-RPC 2.0, one message a line, without batches."""

    field: bool = True
    """Whether each message of ours has the field `jsonrpc`. One that comes needs none."""
    cancel_method: str | None = None
    """The notification that makes a request void, on both sides, if there is one."""

    def read(self, found: Params) -> Incoming | None:
        """Tell what an object says; None if that is no JSON-RPC."""
        method, number = found.get("method"), found.get("id")
        if isinstance(method, str):
            params = _mapping(found.get("params"))
            if isinstance(number, str | int):
                return Request(number, method, params)
            cancelled = params.get("requestId", params.get("id"))
            if method == self.cancel_method and isinstance(cancelled, str | int):
                return Cancels(cancelled)
            return Notification(method, params)
        if "error" in found:
            return _refused(number, found["error"])
        if "result" in found:
            return Reply(_ours(number), found["result"])
        return None

    def read_cut(self, beginning: str) -> Incoming | None:
        """Tell nothing: the fields of JSON-RPC may stand in any order."""
        del beginning
        return None

    def request(self, number: int, method: str, params: Params) -> Params:
        """Write a request of ours."""
        return self._message({"id": number, "method": method, "params": params})

    def notification(self, method: str, params: Params) -> Params:
        """Write what wants no answer."""
        return self._message({"method": method, "params": params})

    def reply(self, request: Request, result: object) -> Params:
        """Write the answer to *request*."""
        return self._message({"id": request.id, "result": result})

    def refusal(self, request: Request, why: RequestRefused) -> Params:
        """Write that *request* is refused."""
        error: dict[str, object] = {
            "code": why.code if isinstance(why.code, int) else 0,
            "message": why.message,
        }
        if why.data is not None:
            error["data"] = why.data
        return self._message({"id": request.id, "error": error})

    def cancel(self, number: int) -> Params | None:
        """Write that our request is void, if there is a word for it."""
        if self.cancel_method is None:
            return None
        return self.notification(self.cancel_method, {"requestId": number})

    def _message(self, message: Params) -> Params:
        return {"jsonrpc": "2.0", **message} if self.field else message


def _mapping(found: object) -> Params:
    return cast("Params", found) if isinstance(found, Mapping) else {}


def _ours(number: object) -> int | None:
    if isinstance(number, bool) or not isinstance(number, int):
        return None
    return number


def _refused(number: object, error: object) -> Reply:
    found = _mapping(error)
    message, code = found.get("message"), found.get("code")
    return Reply(
        _ours(number),
        problem=message if isinstance(message, str) else "an error without a message",
        code=code if isinstance(code, int | str) else 0,
        data=found.get("data"),
    )
