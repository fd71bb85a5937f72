"""Children of supervisors that are easy or hard to stop."""

import trio

from crew_supervisors import CancelCode, CancelReason, Child

USER = CancelReason(CancelCode.USER, "enough", "test")
LATER = CancelReason(CancelCode.TIMEOUT)


async def forever() -> None:
    """Sleep until cancelled."""
    await trio.sleep_forever()


async def polite(seconds: float, *, child: Child) -> None:
    """Take *seconds* to finish after having been asked."""
    await child.stopping.wait()
    await trio.sleep(seconds)


async def messy(seconds: float) -> None:
    """Take *seconds* to clean up after having been cancelled."""
    try:
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(seconds)


async def stubborn(release: trio.Event) -> None:
    """Swallow every cancellation until *release* is set."""
    with trio.CancelScope(shield=True):
        await release.wait()
