# What is said at the end about the stop of all children.
#
# It holds names and reports of those only that gave trouble, and at most KEPT_ERRORS of
# the errors themselves, as these hold frames alive.
"""Count how the stop of a supervisor goes."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Final, cast, final

import attrs
import trio

from ._errors import StopErrors
from ._reasons import CancelReason
from ._reports import ChildReport, StuckChild, SupervisorReport
from ._restart import parts_of

KEPT_ERRORS: Final = 100


@final
@attrs.define(eq=False)
class Tally:
    """What has happened since all children were told to stop."""

    supervisor: str
    children: int
    _began: float = attrs.field(factory=trio.current_time, init=False)
    _killed: list[str] = attrs.field(factory=list[str], init=False)
    _failed: list[ChildReport] = attrs.field(factory=list[ChildReport], init=False)
    _stuck: dict[str, StuckChild] = attrs.field(
        factory=dict[str, StuckChild], init=False
    )
    _errors: list[tuple[str, BaseException]] = attrs.field(
        factory=list[tuple[str, BaseException]], init=False
    )

    def count(
        self, report: ChildReport, error: BaseException | None, *, was_killed: bool
    ) -> None:
        """Note how the stop of one child went."""
        if was_killed:
            self._killed.append(report.name)
        if report.end == "stuck":
            self._stuck[report.name] = StuckChild(report.name, report.stack or "")
        else:
            self._stuck.pop(report.name, None)
        if report.end == "failed":
            self._failed.append(report)
        if error is not None:
            self._keep(report.name, error)

    def _keep(self, child: str, error: BaseException) -> None:
        if len(self._errors) < KEPT_ERRORS:
            self._errors.append((child, error))

    def has_stuck(self, child: str) -> bool:
        """Tell whether a child was found stuck already."""
        return child in self._stuck

    def add_stuck(self, child: StuckChild) -> None:
        """Note a child that still runs at the end."""
        self._stuck[child.name] = child

    def errors(self) -> StopErrors | None:
        """Return what children raised; None if nobody did."""
        return stop_errors(self.supervisor, self._errors)

    def report(self, reason: CancelReason) -> SupervisorReport:
        """Return what there is to say at the end."""
        return SupervisorReport(
            self.supervisor,
            reason,
            trio.current_time() - self._began,
            self.children,
            tuple(self._killed),
            tuple(self._failed),
            tuple(self._stuck.values()),
        )


def stop_errors(
    supervisor: str, raised: Iterable[tuple[str, BaseException]]
) -> StopErrors | None:
    """Return what children raised, each with a note that names the child."""
    errors: list[Exception] = []
    for child, error in raised:
        kept: BaseException | None = error
        if parts_of(error):
            group = cast("BaseExceptionGroup[BaseException]", error)
            kept = group.split(trio.Cancelled)[1]
        if not isinstance(kept, Exception):
            continue  # a leaked Cancelled belongs to nobody outside
        errors.append(kept)
        with suppress(Exception):  # an error may refuse to be changed
            kept.add_note(f"raised by child {child!r} of {supervisor!r} as it stopped")
    if not errors:
        return None
    return StopErrors(f"children of {supervisor!r} failed", errors)
