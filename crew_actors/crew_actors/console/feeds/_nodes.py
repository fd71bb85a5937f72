# What clients see of actors: a tree of supervisors, mailboxes, dead letters. Pure.
#
# 1. A block of actors is known by its name. Its supervisor has the same name, so that
#    the mailbox of a child of that supervisor is found.
"""The shapes of trees, mailboxes and dead letters."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from crew_actors.actors import DeadLetter
from crew_actors.console.feeds._rows import Fields
from crew_actors.runs import Look
from crew_mailbox import MailboxStatistics
from crew_supervisors import TreeNode

Boxes: TypeAlias = Mapping[str, Mapping[str, MailboxStatistics]]
"""Mailboxes by the names of their blocks and their own."""


def boxes_of(looks: Iterable[Look]) -> Boxes:
    """Sort the mailboxes of several blocks."""
    return {look.tree.name: {box.name: box for box in look.mailboxes} for look in looks}


def node_of(tree: TreeNode, boxes: Boxes, block: str | None = None) -> Fields:
    """Show a tree; *block* is the supervisor around it."""
    box = None if block is None else boxes.get(block, {}).get(tree.name)
    inside = tree.name if tree.kind == "supervisor" else block
    kind = tree.kind
    return {
        "name": tree.name,
        "kind": ("worker" if box is None else "actor") if kind == "child" else kind,
        "status": tree.state,
        "restarts": tree.restarts,
        "incarnation": tree.incarnation,
        "strategy": tree.strategy,
        "pid": tree.pid,
        "mailbox": box and {"queued": box.queued, "capacity": box.capacity},
        "children": [node_of(one, boxes, inside) for one in tree.children],
    }


def restarts_in(tree: TreeNode) -> int:
    """Count the restarts of all children in a tree."""
    return tree.restarts + sum(map(restarts_in, tree.children))


def mailbox_row(name: str, box: MailboxStatistics) -> Fields:
    """Show a mailbox."""
    return {
        "name": name,
        "queued": box.queued,
        "capacity": box.capacity,
        "accepted": box.accepted,
        "taken": box.handled,
        "dead": box.dead,
        "returned": box.returned,
        "urgent": box.urgent,
        "low": box.low,
        "stashed": box.stashed,
        "in_hand": box.in_hand,
        "waiting": box.senders_waiting,
        "closed": box.closed,
    }


def letter_of(look: Look, letter: DeadLetter, name: str) -> Fields:
    """Show a dead letter; *name* is unique among all of them."""
    return {
        "id": name,
        "at": round(look.at - look.clock + letter.at, 3),
        "to": letter.receiver,
        "from": letter.sender,
        "what": letter.summary,
        "kind": letter.kind,
        "why": letter.reason.value,
        "cause": letter.cause,
    }
