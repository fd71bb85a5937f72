# A mapping that never changes, of which one with another value is made cheaply.
#
# A run of a thousand tasks has many thousand events, and each makes a state that
# differs from the one before by a single task. The values lie in chunks: what is new is
# one chunk and the tuple of chunks, which is two small copies, and all else is shared.
"""An immutable mapping that shares its parts with the one it was made from."""

from collections.abc import ItemsView, Iterable, Iterator, Mapping, ValuesView
from itertools import chain
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

_BITS = 5
_CHUNK = 1 << _BITS  # values: about the root of as many as a large run has tasks


class Table(Mapping[K, V], Generic[K, V]):
    """Values by their keys, in the order in which the keys came."""

    __slots__ = ("_chunks", "_places")

    _places: dict[K, int]
    _chunks: tuple[tuple[V, ...], ...]

    def __init__(self, pairs: Iterable[tuple[K, V]] = ()) -> None:
        found = dict(pairs)
        values = tuple(found.values())
        self._places = {key: place for place, key in enumerate(found)}
        self._chunks = tuple(
            values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK)
        )

    def at(self, place: int) -> V:
        """Return the value at *place*, from 0, in the order of the keys."""
        return self._chunks[place >> _BITS][place & (_CHUNK - 1)]

    def place(self, key: K) -> int:
        """Tell the place of *key*.

        Raises:
          KeyError: there is none.
        """
        return self._places[key]

    def put(self, key: K, value: V) -> "Table[K, V]":
        """Make a table in which *key*, which is in this one, has another *value*.

        Raises:
          KeyError: it is not.
        """
        place = self._places[key]
        chunks = list(self._chunks)
        chunk = list(chunks[place >> _BITS])
        chunk[place & (_CHUNK - 1)] = value
        chunks[place >> _BITS] = tuple(chunk)
        made: Table[K, V] = object.__new__(type(self))
        made._places = self._places  # never changed, hence shared
        made._chunks = tuple(chunks)
        return made

    def __getitem__(self, key: K) -> V:
        return self.at(self._places[key])

    def __iter__(self) -> Iterator[K]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __repr__(self) -> str:
        return f"Table({list(self.items())!r})"

    def values(self) -> ValuesView[V]:
        """Look at the values, in the order of the keys."""
        return _Values(self)

    def items(self) -> ItemsView[K, V]:
        """Look at the keys with their values."""
        return _Items(self)

    def in_order(self) -> Iterator[V]:
        """Go through the values without looking up each one."""
        return chain.from_iterable(self._chunks)


class _Values(ValuesView[V]):
    _mapping: Table[object, V]

    def __iter__(self) -> Iterator[V]:
        return self._mapping.in_order()


class _Items(ItemsView[K, V]):
    _mapping: Table[K, V]

    def __iter__(self) -> Iterator[tuple[K, V]]:
        return zip(self._mapping, self._mapping.in_order(), strict=True)
