# Rows of fields, each with the revision at which it changed last.
#
# 1. What changed since a revision is found, not kept: nobody has a queue. Who asks
#    seldom gets one large answer, who asks often gets many small ones, and both end up
#    with the same rows.
# 2. A change names the fields that are different now. Merged into a row of any revision
#    from the asked one on, they make the newest row.
# 3. A row that is gone is remembered until everybody knows. Pure: no clock, no I/O.
"""Tables of rows that can tell what is newer than a revision."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias, final

import attrs

Fields: TypeAlias = Mapping[str, object]


@final
@attrs.define(eq=False)
class Row:
    """One row: the values of its fields, and when each became what it is."""

    born: int
    """The revision that brought the row."""
    rev: int
    """The revision at which a field changed last."""
    values: dict[str, object] = attrs.field(factory=dict[str, object], init=False)
    revs: dict[str, int] = attrs.field(factory=dict[str, int], init=False)

    def put(self, fields: Fields, rev: int) -> bool:
        """Take over *fields*; tell whether one of them is different now."""
        changed = False
        values, revs = self.values, self.revs
        for name, value in fields.items():
            old = values.get(name)
            if old is value and name in revs:
                continue
            if name not in revs or old != value:
                values[name], revs[name] = value, rev
                changed = True
        if changed:
            self.rev = rev
        return changed

    def newer(self, base: int) -> Fields:
        """Give the fields that changed after revision *base*; all, if it is younger."""
        if self.born > base:
            return self.values
        revs = self.revs
        return {name: self.values[name] for name in revs if revs[name] > base}


@final
@attrs.define(eq=False)
class Rows:
    """Rows by their keys."""

    _rows: dict[str, Row] = attrs.field(factory=dict[str, Row], init=False)
    _gone: dict[str, int] = attrs.field(factory=dict[str, int], init=False)

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def put(self, key: str, fields: Fields, rev: int) -> bool:
        """Make the row *key* what *fields* say; tell whether that changes anything."""
        row = self._rows.get(key)
        if row is None:
            self._gone.pop(key, None)
            row = self._rows[key] = Row(rev, rev)
        return row.put(fields, rev)

    def keep(self, keys: Iterable[str], rev: int) -> bool:
        """Drop the rows that are not among *keys*; tell whether there was one."""
        gone = self._rows.keys() - set(keys)
        for key in gone:
            del self._rows[key]
            self._gone[key] = rev
        return bool(gone)

    def forget(self, rev: int) -> int:
        """Forget the rows that were gone at *rev*: everybody knows.

        Returns the revision from which on it can be told what is newer.
        """
        known = [key for key, gone in self._gone.items() if gone <= rev]
        return max((self._gone.pop(key) for key in known), default=0)

    def whole(self) -> dict[str, Fields]:
        """Give all rows."""
        return {key: row.values for key, row in self._rows.items()}

    def newer(self, base: int) -> dict[str, Fields | None]:
        """Give what changed after revision *base*; None stands for a row that is gone."""
        found: dict[str, Fields | None] = {
            key: row.newer(base) for key, row in self._rows.items() if row.rev > base
        }
        found.update((key, None) for key, gone in self._gone.items() if gone > base)
        return found
