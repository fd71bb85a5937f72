"""Time that passes when the test says so."""

import trio
import trio.testing


async def advance(seconds: float) -> None:
    """Let so many seconds pass on trio's `MockClock`, and all happen that is due by then.

    Each timer and each deadline is met at its own time, in order. Returns when every
    other task waits again. A checkpoint; if cancelled, some of the time has passed.

    Raises:
      TypeError: the run has another clock. Use pytest-trio's ``mock_clock``, or
        ``trio.run(..., clock=MockClock())``.
    """
    clock = trio.lowlevel.current_clock()
    if not isinstance(clock, trio.testing.MockClock):
        text = (
            f"the clock is {type(clock).__name__}, and only a MockClock can be advanced"
        )
        raise TypeError(text)
    end = trio.current_time() + seconds
    while True:
        await trio.testing.wait_all_tasks_blocked()
        left = end - trio.current_time()
        next_one = trio.lowlevel.current_statistics().seconds_to_next_deadline
        if left <= 0:
            return
        clock.jump(max(0.0, min(left, next_one)))
