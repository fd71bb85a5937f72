"""Supervisors, mailboxes and dead letters, of this process and of others."""

import os
import sys
from pathlib import Path
from typing import Any

import attrs
import trio
from tests.support.crews import crew_in
from tests.support.feeds import Gate, feeds_in, feeds_of, owner, reading
from tests.support.plans import plan, task

from crew_actors.actors import Inbox
from crew_actors.console.feeds import Scope, _letters
from crew_actors.model import CommandSpec
from crew_actors.runs import look_at
from crew_supervisors import KILL, TreeNode

Node = dict[str, Any]


def find(node: Node | None, name: str) -> Node | None:
    """Return the node *name* of a tree."""
    if node is None or node["name"] == name:
        return node
    for below in node["children"]:
        if (found := find(below, name)) is not None:
            return found
    return None


async def test_the_tree_of_a_run_has_its_actors_with_their_mailboxes(
    folder: Path,
) -> None:
    gate = Gate()
    async with feeds_in(folder, worker=gate) as (crew, feeds):
        run = await crew.start(plan(task("a")))
        async with reading(feeds, Scope("supervisors", run=run.id)) as client:
            await client.see(lambda known: find(known["tree"], "task/a.1"))
            root = client.known["tree"]
            assert (root["name"], root["kind"]) == (f"run/{run.id}", "supervisor")
            assert root["strategy"] == "one_for_one"
            control = find(root, "control")
            assert control is not None
            assert (control["kind"], control["mailbox"]) == ("worker", None)
            actor = find(root, "task/a.1")
            assert actor is not None
            assert (actor["kind"], actor["status"]) == ("actor", "running")
            assert actor["mailbox"]["capacity"] > 0
            gate.open.set()
            await client.see(lambda known: known["tree"]["status"] == "stopped")
            actor = find(client.known["tree"], "task/a.1")
            assert actor is None or actor["status"] == "stopped"


async def test_a_process_of_an_agent_is_in_the_tree_with_its_pid(folder: Path) -> None:
    hang = CommandSpec(argv=(sys.executable, "-c", "import time; time.sleep(60)"))
    async with feeds_in(folder) as (crew, feeds):
        run = await crew.start(plan(attrs.evolve(task("a"), command=hang)))
        async with reading(feeds, Scope("run", run=run.id)) as one:
            await one.see(lambda known: known["tasks"]["a"]["pid"])
            pid = one.known["tasks"]["a"]["pid"]
        async with reading(feeds, Scope("supervisors", run=run.id)) as client:
            await client.see(lambda known: pid in pids(known["tree"]))
            run.cancel("enough", now=True)
            await client.see(lambda known: pid not in pids(known["tree"]))


def pids(node: Node) -> list[int]:
    """Return the pids of the processes of a tree."""
    own = [node["pid"]] if node["kind"] == "process" and node["pid"] else []
    return own + [pid for one in node["children"] for pid in pids(one)]


async def test_the_tree_of_the_server_has_the_crew_its_runs_and_the_console(
    folder: Path,
) -> None:
    def mine() -> TreeNode:
        return TreeNode("console", "supervisor", "running", strategy="one_for_one")

    gate = Gate()
    async with crew_in(folder, worker=gate) as crew:
        run = await crew.start(plan(task("a")))
        async with feeds_of(crew, tree=mine) as feeds:
            scope = Scope("supervisors")
            async with reading(feeds, scope) as client:
                await client.see(lambda known: find(known["tree"], "task/a.1"))
                root = client.known["tree"]
                assert root["name"] == f"process {os.getpid()}"
                assert [one["name"] for one in root["children"]] == ["crew", "console"]
                inner = find(root, f"run/{run.id}/1")
                assert inner is not None
                assert inner["kind"] == "actor"
                assert inner["children"][0]["name"] == f"run/{run.id}"
                actor = find(root, "task/a.1")
                assert actor is not None
                assert actor["mailbox"] is not None
                gate.open.set()


async def test_a_run_of_another_process_shows_its_actors(folder: Path) -> None:
    async with owner(folder, "a", "b") as other, feeds_in(folder) as (_, feeds):
        scope = Scope("supervisors", run=other.run)
        async with (
            reading(feeds, scope) as tree,
            reading(feeds, Scope("mailboxes", run=other.run)) as boxes,
            reading(feeds, Scope("deadletters", run=other.run)) as letters,
        ):
            actor = find(tree.known["tree"], "task/a.1")
            assert actor is not None
            assert actor["kind"] == "actor"
            assert set(boxes.known["mailboxes"]) == {"task/a.1", "task/b.1"}
            assert letters.known["total"] == 0
            await other.order("end a")
            await boxes.see(lambda known: set(known["mailboxes"]) == {"task/b.1"})
            other.process.kill()
            await other.process.wait()
            await tree.see(lambda known: known["tree"] is None)
            await boxes.see(lambda known: known["mailboxes"] == {})


async def test_mailboxes_tell_what_is_different(folder: Path) -> None:
    async def reader(inbox: Inbox[int]) -> None:
        await trio.sleep_forever()

    async with feeds_in(folder) as (crew, feeds):
        ref = await crew._actors.spawn(reader, name="reader", capacity=4, stop=KILL)
        async with reading(feeds, Scope("mailboxes")) as client:
            assert client.known["mailboxes"]["reader"]["queued"] == 0
            for n in range(3):
                await ref.tell(n)
            changes = await client.step()
            assert changes == {"mailboxes": {"reader": {"queued": 3, "accepted": 3}}}


async def test_dead_letters_come_with_their_reasons_the_newest_last(
    folder: Path,
) -> None:
    async def deaf(inbox: Inbox[int]) -> None:
        await trio.sleep_forever()

    async with feeds_in(folder) as (crew, feeds):
        ref = await crew._actors.spawn(
            deaf, name="deaf", capacity=1, on_full="drop_new", stop=KILL
        )
        for n in range(3):
            await ref.tell(n)
        async with reading(feeds, Scope("deadletters")) as client:
            assert client.known["total"] == 2
            first = client.known["letters"][0]
            assert (first["to"], first["what"]) == ("deaf", "1")
            assert first["why"] == "dropped_new"
            assert abs(first["at"] - crew.look().at) < 60
            await ref.tell(3)
            changes = await client.step()
            assert changes["total"] == 3
            assert [one["what"] for one in changes["letters"]] == ["3"]
        async with reading(feeds, Scope("deadletters")) as late:
            assert [one["what"] for one in late.known["letters"]] == ["1", "2", "3"]


async def test_of_many_dead_letters_the_newest_are_shown_and_all_counted(
    folder: Path,
) -> None:
    async def deaf(inbox: Inbox[int]) -> None:
        await trio.sleep_forever()

    async with feeds_in(folder) as (crew, feeds):
        ref = await crew._actors.spawn(
            deaf, name="deaf", capacity=1, on_full="drop_new", stop=KILL
        )
        async with reading(feeds, Scope("deadletters")) as client:
            for n in range(_letters.KEPT * 2 + 1):
                await ref.tell(n)
            await client.see(lambda known: known["total"] == _letters.KEPT * 2)
            assert len(client.known["letters"]) == _letters.KEPT


async def test_a_look_changes_nothing(folder: Path) -> None:
    async with feeds_in(folder) as (crew, _):
        before = crew.look()
        after = look_at(crew._actors)
        assert (after.tree, after.mailboxes) == (before.tree, before.mailboxes)
        assert (after.dead, after.letters) == (before.dead, before.letters)
