"""Feeds and their cursors, with a feed that a test changes by hand."""

import gc
import json
import weakref
from typing import Any

import attrs
import pytest
import trio
import trio.testing
from tests.support.feeds import feeds_of

from crew_actors.console._scopes import Scope
from crew_actors.console.feeds import Cursor, FeedEnded, Feeds, NoFeed, _feeds
from crew_actors.console.feeds._feed import Feed
from crew_actors.console.feeds._rows import Rows
from crew_actors.console.feeds._shared import LINGER
from crew_actors.errors import UserError


@attrs.define(eq=False)
class Board(Feed):
    """Rows that a test writes."""

    rows: Rows = attrs.field(factory=Rows, init=False)
    broken: Exception | None = attrs.field(default=None, init=False)
    breaks: trio.Event = attrs.field(factory=trio.Event, init=False)
    encoded: int = attrs.field(default=0, init=False)

    async def keep_up(self) -> None:
        if self.broken is None:
            self.ready.set()
            await self.breaks.wait()
        assert self.broken is not None
        raise self.broken

    def write(self, **fields: int) -> None:
        rev = self.rev + 1
        if self.rows.put("a", fields, rev):
            self.changed(rev)

    def fail(self, error: Exception) -> None:
        self.broken = error
        self.breaks.set()

    def whole(self) -> object:
        return {"rows": self.rows.whole()}

    def newer(self, base: int) -> object:
        self.encoded += 1
        return {"rows": self.rows.newer(base)}


def made(feed: Feed) -> Any:
    """Make a maker of *feed*."""

    def make(*_: object) -> Feed:
        return feed

    return make


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Board:
    """The feed of scope `metrics`."""
    feed = Board()
    makers = {**_feeds._MAKERS, "metrics": made(feed)}
    monkeypatch.setattr(_feeds, "_MAKERS", makers)
    return feed


BOARD = Scope("metrics")
no_crew: Any = None


def told(update: bytes) -> Any:
    return json.loads(update)["changes"]["rows"]["a"]


async def test_a_cursor_begins_with_all_and_goes_on_with_what_changes(
    board: Board,
) -> None:
    async with feeds_of(no_crew) as feeds:
        board.write(x=1, y=1)
        cursor = await feeds.subscribe(BOARD)
        assert cursor.snapshot == b'{"rows":{"a":{"x":1,"y":1}}}'
        rev = cursor.rev
        board.write(x=2, y=1)
        update = json.loads(await cursor.next())
        assert update == {
            "base": rev,
            "rev": rev + 1,
            "changes": {"rows": {"a": {"x": 2}}},
        }
        assert cursor.rev == rev + 1
        cursor.close()


async def test_what_did_not_change_is_not_told(
    board: Board, autojump_clock: trio.testing.MockClock
) -> None:
    async with feeds_of(no_crew) as feeds:
        board.write(x=1)
        cursor = await feeds.subscribe(BOARD)
        board.write(x=1)
        with trio.move_on_after(60) as waited:
            await cursor.next()
        assert waited.cancelled_caught
        cursor.close()


async def test_a_slow_cursor_gets_one_update_for_many_changes(board: Board) -> None:
    async with feeds_of(no_crew) as feeds:
        board.write(x=0, y=0)
        slow, quick = await feeds.subscribe(BOARD), await feeds.subscribe(BOARD)
        for n in range(1, 100):
            board.write(x=n, y=0)
            assert told(await quick.next()) == {"x": n}
        assert told(await slow.next()) == {"x": 99}
        with trio.move_on_after(0):
            await slow.next()
        assert slow.rev == quick.rev
        slow.close()
        quick.close()


async def test_cursors_at_the_same_revision_share_the_bytes(board: Board) -> None:
    async with feeds_of(no_crew) as feeds:
        board.write(x=0)
        cursors = [await feeds.subscribe(BOARD) for _ in range(20)]
        assert len({id(one.snapshot) for one in cursors}) == 1
        board.write(x=1)
        updates = [await one.next() for one in cursors]
        assert len({id(one) for one in updates}) == 1
        assert board.encoded == 1
        for one in cursors:
            one.close()


async def test_a_cancelled_wait_loses_nothing(board: Board) -> None:
    async with feeds_of(no_crew) as feeds:
        board.write(x=0)
        cursor = await feeds.subscribe(BOARD)
        board.write(x=1)
        with trio.CancelScope() as scope:
            scope.cancel()
            await cursor.next()
        assert scope.cancelled_caught
        assert told(await cursor.next()) == {"x": 1}
        cursor.close()


async def test_who_knows_a_revision_gets_no_snapshot_but_what_is_newer(
    board: Board,
) -> None:
    async with feeds_of(no_crew) as feeds:
        board.write(x=0, y=0)
        first = await feeds.subscribe(BOARD)
        board.write(x=1, y=0)
        again = await feeds.subscribe(BOARD, since=first.rev)
        assert again.snapshot is None
        assert told(await again.next()) == {"x": 1}
        unknown = await feeds.subscribe(BOARD, since=3)
        ahead = await feeds.subscribe(BOARD, since=board.rev + 1)
        assert unknown.snapshot == ahead.snapshot == b'{"rows":{"a":{"x":1,"y":0}}}'
        for one in (first, again, unknown, ahead):
            one.close()


async def test_revisions_of_a_later_life_of_a_feed_are_others(board: Board) -> None:
    board.write(x=1)
    await trio.sleep(0.01)
    assert Board().rev > board.rev


async def test_a_feed_is_gone_five_seconds_after_its_last_reader(
    board: Board, autojump_clock: trio.testing.MockClock
) -> None:
    async with feeds_of(no_crew) as feeds:
        cursor = await feeds.subscribe(BOARD)
        cursor.close()
        cursor.close()  # once more changes nothing
        await trio.sleep(LINGER - 0.1)
        assert feeds._feeds == {BOARD: board}
        again = await feeds.subscribe(BOARD)
        await trio.sleep(100)
        assert feeds._feeds == {BOARD: board}
        again.close()
        await trio.sleep(LINGER + 0.1)
        assert feeds._feeds == {}
        assert board.ended is not None


async def test_a_closed_cursor_leaves_nothing(board: Board) -> None:
    async with feeds_of(no_crew) as feeds:
        other = await feeds.subscribe(BOARD)
        cursor = await feeds.subscribe(BOARD)
        with trio.move_on_after(0.01):
            await cursor.next()
        cursor.close()
        seen = weakref.ref(cursor)
        del cursor
        await trio.testing.wait_all_tasks_blocked()
        gc.collect()
        assert seen() is None
        assert board.cursors == {other}
        assert board.users == 1
        assert len(board.news) == 0
        other.close()


async def test_a_closed_cursor_cannot_be_read(board: Board) -> None:
    async with feeds_of(no_crew) as feeds:
        cursor = await feeds.subscribe(BOARD)
        cursor.close()
        board.write(x=1)
        with pytest.raises(trio.ClosedResourceError):
            await cursor.next()


async def test_a_defect_ends_one_feed_and_no_other(
    board: Board, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    well = Board()
    makers = {**_feeds._MAKERS, "runs": made(well)}
    monkeypatch.setattr(_feeds, "_MAKERS", makers)
    async with feeds_of(no_crew) as feeds:
        cursor = await feeds.subscribe(BOARD)
        other = await feeds.subscribe(Scope("runs"))
        board.fail(RuntimeError("oops"))
        with pytest.raises(FeedEnded, match="internal error"):
            await cursor.next()
        well.write(x=1)
        assert told(await other.next()) == {"x": 1}
        cursor.close()
        other.close()
    assert "oops" in caplog.text


async def test_what_came_before_the_end_is_told_first(board: Board) -> None:
    async with feeds_of(no_crew) as feeds:
        cursor = await feeds.subscribe(BOARD)
        board.write(x=1)
        board.fail(FeedEnded("it is over"))
        await trio.testing.wait_all_tasks_blocked()
        assert told(await cursor.next()) == {"x": 1}
        with pytest.raises(FeedEnded, match="it is over") as caught:
            await cursor.next()
        assert caught.value.why == "it is over"
        cursor.close()


async def test_a_feed_that_cannot_begin_tells_why_and_can_be_tried_again(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    board.broken = UserError("no such thing")
    async with feeds_of(no_crew) as feeds:
        with pytest.raises(UserError, match="no such thing"):
            await feeds.subscribe(BOARD)
        assert feeds._feeds == {}
        again = Board()
        again.broken = OSError("no disk")
        monkeypatch.setattr(_feeds, "_MAKERS", {"metrics": made(again)})
        with pytest.raises(FeedEnded, match="no disk"):
            await feeds.subscribe(BOARD)


async def test_cursors_are_told_that_the_server_stops(board: Board) -> None:
    cursor: Cursor
    async with feeds_of(no_crew) as feeds:
        cursor = await feeds.subscribe(BOARD)
    with pytest.raises(FeedEnded, match="the server stops"):
        await cursor.next()
    cursor.close()
    with pytest.raises(NoFeed, match="stopped"):
        await feeds.subscribe(BOARD)


async def test_nothing_can_be_subscribed_to_before_the_feeds_are_served(
    board: Board,
) -> None:
    with pytest.raises(NoFeed):
        await Feeds(no_crew).subscribe(BOARD)
