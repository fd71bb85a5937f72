"""Turn what a supervisor knows about its children into reports."""

from ._child import Record
from ._engine import Engine
from ._reports import ChildCounts, ChildInfo, TreeNode


def info_of(record: Record) -> ChildInfo:
    """Return the line of one child."""
    return ChildInfo(
        record.spec.name,
        record.state,
        record.incarnation,
        record.spec.restart,
        record.restarts,
        record.is_supervisor,
        record.is_stuck,
        record.last_beat,
    )


def counts_of(engine: Engine) -> ChildCounts:
    """Return how many children there are."""
    records = engine.lives.children.values()
    supervisors = sum(record.is_supervisor for record in records)
    return ChildCounts(
        specs=len(records),
        active=sum(record.state.is_alive for record in records),
        supervisors=supervisors,
        workers=len(records) - supervisors,
    )


def tree_of(engine: Engine) -> TreeNode:
    """Return a supervisor, its children and the supervisors inside of them."""
    nodes = tuple(_node_of(record) for record in engine.lives.children.values())
    return TreeNode(
        engine.name,
        "supervisor",
        engine.state,
        children=nodes,
        strategy=engine.options.strategy,
    )


def _node_of(record: Record) -> TreeNode:
    return TreeNode(
        record.spec.name,
        "process" if record.is_process else "child",
        record.state.value,
        record.incarnation,
        record.restarts,
        tuple(tree_of(inner) for inner in record.inner),
        pid=record.pid,
    )
