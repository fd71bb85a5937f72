# Strongly connected components, without recursion. Pure.
"""Cycles in a graph of names."""

from collections.abc import Iterator, Mapping

import attrs


def cycles(graph: Mapping[str, tuple[str, ...]]) -> list[list[str]]:
    """Return the groups of nodes that reach each other, each sorted, largest first.

    Tarjan's algorithm with a stack of its own: linear in nodes and edges, and no
    depth of the graph is too deep. A node that only points at itself is no group.
    Targets that are no nodes are ignored.
    """
    search = _Search(graph)
    for start in sorted(graph):
        search.visit(start)
    return sorted(search.found, key=lambda group: (-len(group), group))


@attrs.define
class _Search:
    graph: Mapping[str, tuple[str, ...]]
    found: list[list[str]] = attrs.field(factory=list[list[str]])
    _index: dict[str, int] = attrs.field(factory=dict[str, int])
    _low: dict[str, int] = attrs.field(factory=dict[str, int])
    _stack: list[str] = attrs.field(factory=list[str])
    _open: set[str] = attrs.field(factory=set[str])
    _work: list[tuple[str, Iterator[str]]] = attrs.field(
        factory=list[tuple[str, Iterator[str]]]
    )

    def visit(self, start: str) -> None:
        if start not in self._index:
            self._enter(start)
        while self._work:
            node, targets = self._work[-1]
            if not self._descend(node, targets):
                self._work.pop()
                self._leave(node)

    def _enter(self, node: str) -> None:
        self._index[node] = self._low[node] = len(self._index)
        self._stack.append(node)
        self._open.add(node)
        self._work.append((node, iter(self.graph[node])))

    def _descend(self, node: str, targets: Iterator[str]) -> bool:
        """Go on to the next unseen target; tell whether there was one."""
        for target in targets:
            if target in self._open:
                self._low[node] = min(self._low[node], self._index[target])
            elif target in self.graph and target not in self._index:
                self._enter(target)
                return True
        return False

    def _leave(self, node: str) -> None:
        if self._work:
            parent = self._work[-1][0]
            self._low[parent] = min(self._low[parent], self._low[node])
        if self._low[node] != self._index[node]:
            return
        group: list[str] = []
        while node not in group[-1:]:
            group.append(self._stack.pop())
        self._open.difference_update(group)
        if len(group) > 1:
            self.found.append(sorted(group))
