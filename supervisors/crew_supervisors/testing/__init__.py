# crew_supervisors.testing, from the ground up:
#
#   _errors       what a test fails with
#   _private      the only place that knows private names of trio
#   _virtual      virtual time, seeds, and the end of a run that hangs
#   _probe        events, kept and awaited
#   _scripts      children that do what a script says
#   _injection    faults inside of the engine
#   _invariants   what must hold after any run
#   _bench        a seeded supervisor with its probe
#
# It stands on trio, attrs and crew_supervisors, and needs no test framework. Importing
# crew_supervisors does not import it.
"""Test your own tree: virtual time, seeds, scripted children, events and faults."""

from crew_supervisors._points import POINTS as POINTS

from ._bench import open_test_supervisor as open_test_supervisor
from ._errors import (
    InvariantBroken as InvariantBroken,
    ProbeTimeout as ProbeTimeout,
    ScriptedFailure as ScriptedFailure,
    StillWaiting as StillWaiting,
)
from ._injection import (
    CANCEL as CANCEL,
    Action as Action,
    CancelType as CancelType,
    Injection as Injection,
    count_points as count_points,
    inject as inject,
    interruptible as interruptible,
)
from ._invariants import (
    broken_invariants as broken_invariants,
    check_invariants as check_invariants,
    no_task_left as no_task_left,
)
from ._probe import EventProbe as EventProbe
from ._scripts import (
    Script as Script,
    ScriptedChildren as ScriptedChildren,
    Step as Step,
    StepKind as StepKind,
)
from ._virtual import run_virtual as run_virtual, settle as settle
