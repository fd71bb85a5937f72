"""A durable mailbox is a child like any other: its handle outlives its restarts."""

from pathlib import Path

import pytest
import trio

from crew_mailbox import DurableMailbox, Letter, MailboxDiskFull, MailboxDown
from crew_mailbox.durable import _database
from crew_supervisors import Backoff, ChildSpec, open_supervisor


async def test_a_restarted_mailbox_goes_on_behind_the_same_handle(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = DurableMailbox(path=path, capacity=10)
    spec = ChildSpec("box", box.run, backoff=Backoff(first=0.001, jitter=0.0))
    write = _database.Database.write
    failures = iter([True])
    refusals: list[str] = []

    def fail_once(self: _database.Database, *rest: object) -> None:
        if next(failures, False):
            raise MailboxDiskFull(path, "for a moment")
        write(self, *rest)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  passed through

    async with open_supervisor() as sup:
        assert await sup.start(spec) is box
        await box.send(Letter(id="one", to="ann"))
        monkeypatch.setattr(_database.Database, "write", fail_once)
        letter = Letter(id="two", to="ann")
        with pytest.raises(MailboxDiskFull):
            await box.send(letter)
        while True:
            try:
                assert (await box.send(letter)).seq == 2
                break
            except (MailboxDown, MailboxDiskFull) as error:
                refusals.append(str(error))
                await trio.sleep(0.001)
        assert all("for a moment" in refusal for refusal in refusals)
        with box.receive("ann", batch=2) as deliveries:
            taken = [(await anext(deliveries)).letter.id for _ in range(2)]
        assert taken == ["one", "two"]
        report = await sup.stop("box")
        assert report.name == "box"
    with pytest.raises(MailboxDown):
        box.statistics()


async def test_a_mailbox_that_cannot_be_opened_fails_its_start(tmp_path: Path) -> None:
    box = DurableMailbox(path=tmp_path / "no" / "box", capacity=10)
    async with trio.open_nursery() as nursery:
        with pytest.raises(Exception, match="no mailbox at"):
            await nursery.start(box.run)


async def test_a_cancelled_opening_leaves_the_mailbox_free(path: Path) -> None:
    for _ in range(2):
        with trio.CancelScope() as scope:
            scope.cancel()
            await DurableMailbox(path=path, capacity=10).run()
        assert scope.cancelled_caught
    box = DurableMailbox(path=path, capacity=10)
    async with trio.open_nursery() as nursery:
        await nursery.start(box.run)
        await box.send(Letter(to="ann"))
        nursery.cancel_scope.cancel()
