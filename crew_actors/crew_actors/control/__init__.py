# The way into a run from other processes: requests over a loopback socket.
#
#   _wire     lines and what they hold      _client   ask the owner of a run
#   _server   answer the callers of a run   _errors   what can become of a request
"""Talk to the process that owns a run."""

from crew_actors.control._client import (
    ANSWER_DEADLINE as ANSWER_DEADLINE,
    News as News,
    call_owner as call_owner,
    cancel_run as cancel_run,
    follow_owner as follow_owner,
    wait_for_run as wait_for_run,
)
from crew_actors.control._errors import (
    OwnerUnreachable as OwnerUnreachable,
    Refused as Refused,
    RunNotRunning as RunNotRunning,
)
from crew_actors.control._server import (
    CALLERS as CALLERS,
    Control as Control,
    Follow as Follow,
    Handler as Handler,
    Tell as Tell,
    open_control as open_control,
)
