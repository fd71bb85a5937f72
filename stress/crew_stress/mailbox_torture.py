# A durable mailbox under kill -9.
#
# A worker sends, receives, acknowledges, replies and gives back, and says each thing
# that it was told is done. It is killed at a random moment, again and again, over one
# mailbox. The claims, after each kill:
#
# 1. What was acknowledged to a sender is in the mailbox, under its number.
# 2. What a reader acknowledged or replied to is never delivered again.
# 3. First deliveries come in the order in which the letters were stored.
# 4. Validation finds nothing wrong, and each letter is in one state.
"""Kill the owner of a durable mailbox at random moments, and look what is left.

`python -m crew_stress.mailbox_torture KILLS SEED` prints a summary; 1 if a claim
does not hold.
"""

import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import attrs
import trio

from crew_mailbox import (
    DurableMailbox,
    DurableMailboxFull,
    Letter,
    open_durable_mailbox,
    read_letters,
    validate_mailbox,
)

MODULE = "crew_stress.mailbox_torture"
RECEIVERS = ("left", "right")
CAPACITY = 200
ARCHIVE_AT = 64 << 10


@attrs.define
class Seen:
    """What the workers of all lives said, and what is wrong with it."""

    sent: dict[str, int] = attrs.field(factory=dict[str, int])
    acknowledged: set[str] = attrs.field(factory=set[str])
    newest: dict[str, int] = attrs.field(factory=dict[str, int])
    redelivered: int = 0
    kills: int = 0
    broken: list[str] = attrs.field(factory=list[str])

    def take(self, line: str) -> None:
        """Note one line of a worker."""
        verb, letter, number, to, attempt = line.split()
        if verb == "sent":
            self.sent[letter] = int(number)
        elif verb == "done":
            self.acknowledged.add(letter)
        elif verb == "got":
            if letter in self.acknowledged:
                self.broken.append(f"{letter} was delivered again")
            if int(attempt) > 1:
                self.redelivered += 1
            elif int(number) <= self.newest.get(to, 0):
                self.broken.append(f"{letter} came out of order")
            else:
                self.newest[to] = int(number)

    def compare(self, path: Path) -> None:
        """Look at what is on disk, while nobody owns the mailbox."""
        self.broken += [
            str(problem)
            for problem in validate_mailbox(path)
            if problem.severity == "error"  # a file too many is no letter too few
        ]
        stored: dict[str, int] = {}
        finished: set[str] = set()
        since = 0
        while page := read_letters(path, since=since, limit=5000):
            since = page[-1].seq
            for each in page:
                stored[each.letter.id] = each.seq
                if {"acknowledged", "replied"} & {r.kind for r in each.records}:
                    finished.add(each.letter.id)
        if sorted(stored.values()) != list(range(1, len(stored) + 1)):
            self.broken.append("numbers have gaps")
        for letter, number in self.sent.items():
            if stored.get(letter) != number:
                self.broken.append(f"{letter} is not stored as number {number}")
        self.broken += [
            f"the end of {letter} is not on disk"
            for letter in self.acknowledged - finished
        ]


def torture(path: Path, *, kills: int, seed: int) -> Seen:
    """Kill the owner of the mailbox at *path* *kills* times. Stops at a broken claim."""
    chance = random.Random(seed)
    seen = Seen()
    for life in range(kills):
        _one_life(path, life, chance, seen)
        seen.kills += 1
        if life % 10 == 9 or life == kills - 1:
            seen.compare(path)
        if seen.broken:
            break
    trio.run(_last_look, path, seen)
    return seen


def _one_life(path: Path, life: int, chance: random.Random, seen: Seen) -> None:
    argv = [sys.executable, "-m", MODULE, "worker", str(path), str(life)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        argv, env=environment, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        for _ in range(chance.randint(1, 400)):
            line = worker.stdout.readline()
            if not line:
                seen.broken.append(f"life {life} ended by itself")
                return
            seen.take(line)
        worker.kill()
        for line in worker.stdout:
            if line.endswith("\n"):
                seen.take(line)


async def _last_look(path: Path, seen: Seen) -> None:
    async with open_durable_mailbox(path, capacity=10 * CAPACITY) as box:
        now = box.statistics()
        states = now.queued + now.in_hand + now.awaiting + now.acknowledged
        states += now.replied + now.expired + now.dead + now.lost
        if states != now.accepted:
            seen.broken.append(f"the figures do not add up: {now}")


def _say(verb: str, letter: str, number: int, to: str = "-", attempt: int = 0) -> None:
    os.write(1, f"{verb} {letter} {number} {to} {attempt}\n".encode())


async def _work(path: Path, life: int) -> None:
    chance = random.Random(life)
    async with (
        open_durable_mailbox(
            path, capacity=CAPACITY, archive_at=ARCHIVE_AT, max_deliveries=10**6
        ) as box,
        trio.open_nursery() as nursery,
    ):
        for number in range(4):
            nursery.start_soon(_send, box, f"{life}-{number}", chance)
        for to in (*RECEIVERS, "asker"):
            nursery.start_soon(_receive, box, to, chance)


async def _send(box: DurableMailbox, name: str, chance: random.Random) -> None:
    for number in range(10**9):
        letter = Letter(
            id=f"{name}-{number}",
            to=chance.choice(RECEIVERS),
            sender="asker",
            body=chance.randbytes(chance.randint(0, 2000)),
            reply_by=chance.choice((None, 3600)),
        )
        while True:
            try:
                receipt = await box.send(letter)
                break
            except DurableMailboxFull:
                await trio.sleep(0.002)
        _say("sent", receipt.id, receipt.seq)


async def _receive(box: DurableMailbox, to: str, chance: random.Random) -> None:
    while True:
        with box.receive(to, batch=chance.randint(1, 4)) as deliveries:
            async for delivery in deliveries:
                letter = delivery.letter
                _say("got", letter.id, delivery.seq, to, delivery.attempt)
                way = chance.random()
                if way < 0.1:
                    break  # gives back what was fetched
                if letter.reply_by is not None:
                    await delivery.reply(b"done")
                else:
                    await delivery.acknowledge()
                _say("done", letter.id, delivery.seq)


def main(arguments: list[str]) -> int:
    """Be a worker, or torture one; 1 if a claim does not hold."""
    if arguments[:1] == ["worker"]:
        trio.run(_work, Path(arguments[1]), int(arguments[2]))
        return 0
    kills = int(arguments[0]) if arguments else 200
    seed = int(arguments[1]) if len(arguments) > 1 else 1
    with tempfile.TemporaryDirectory(prefix="crew-torture-") as folder:
        seen = torture(Path(folder) / "box", kills=kills, seed=seed)
    print(
        f"{seen.kills} kills: {len(seen.sent)} letters sent, "
        f"{len(seen.acknowledged)} settled, {seen.redelivered} delivered again"
    )
    for line in seen.broken:
        print("BROKEN", line)
    return 1 if seen.broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
