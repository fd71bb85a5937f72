"""Any tree of supervisors does, step by step, what the model of OTP says.

Hypothesis makes the tree, the scripts of its children and a list of things that happen:
children end, people give orders, time goes by. After each of them the real tree and the
model must agree: about what the bodies did and in which order, about the state and the
incarnation of each child of each supervisor, about every answer, and about the end.

``CREW_EXAMPLES`` is the number of trees to try; with it, they are other ones each time.
"""

import logging
import os

import trio
from hypothesis import HealthCheck, Phase, given, settings
from tests.support.otp_play import Play
from tests.support.otp_scenes import Scene, scenes
from trio.testing import MockClock

EXAMPLES = int(os.environ.get("CREW_EXAMPLES", "250"))
log = logging.getLogger("crew_supervisors")


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="CREW_EXAMPLES" not in os.environ,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(scenes())
def test_a_tree_does_what_the_model_says(scene: Scene) -> None:
    clock = MockClock()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            play = Play(scene, clock, nursery)
            await play.run()
            nursery.cancel_scope.cancel()

    log.disabled = True  # a supervisor that gives up logs all its events
    try:
        trio.run(main, clock=clock)
    finally:
        log.disabled = False
