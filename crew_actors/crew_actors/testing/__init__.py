# crew_actors.testing, from the ground up:
#
#   _probe   an actor that keeps what it is told, for a test to look at
#   _time    time that passes when the test says so
#   _open    a seeded block of actors
#
# It adds actors to crew_supervisors.testing, of which it passes on what such tests need.
# It needs no test framework.
"""Test your own actors: probes, virtual and manual time, seeds."""

from crew_actors.testing._open import open_test_actors as open_test_actors
from crew_actors.testing._probe import (
    Probe as Probe,
    Unexpected as Unexpected,
    open_probe as open_probe,
)
from crew_actors.testing._time import advance as advance
from crew_supervisors.testing import (
    EventProbe as EventProbe,
    ProbeTimeout as ProbeTimeout,
    StillWaiting as StillWaiting,
    run_virtual as run_virtual,
    settle as settle,
)
