"""One client's life, with a socket in memory and time that jumps."""

import errno
from collections.abc import Callable
from functools import partial

import pytest
import trio
from tests.support.connection import staged
from trio.testing import MockClock

from crew_actors.commands import BadParameters
from crew_actors.console._connection import (
    SEND_SECONDS,
    fault_of,
)
from crew_actors.console._frames import Code
from crew_actors.console._pulse import PING_EVERY
from crew_actors.console._session import (
    HELLO_SECONDS,
    MALFORMED,
    NO_HELLO,
    SERVER_ENDS,
    TOO_MUCH,
    WRONG_TOKEN,
)
from crew_actors.errors import UserError


async def test_no_hello_in_time_ends_it(autojump_clock: MockClock) -> None:
    async with staged(greet=False) as stage:
        await stage.ended.wait()

        assert stage.wire.closed == (NO_HELLO, HELLO_SECONDS)
        assert stage.counts.turned_away == 1
        assert stage.counts.clients == 0


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x00", MALFORMED),
        ("{", MALFORMED),
        (
            '{"jsonrpc":"2.0","id":1,"method":"hello","params":{"token":"x"}}',
            WRONG_TOKEN,
        ),
    ],
)
async def test_a_bad_hello_ends_it_at_once(
    frame: str | bytes, code: int, autojump_clock: MockClock
) -> None:
    async with staged(greet=False) as stage:
        stage.wire.put_raw(frame)
        await stage.ended.wait()

        assert stage.wire.closed == (code, 0.0)
        assert stage.wire.said == []
        assert stage.counts.turned_away == 1


async def test_a_client_that_hangs_up_is_gone(autojump_clock: MockClock) -> None:
    async with staged() as stage:
        assert stage.counts.clients == 1
        stage.wire.hang_up()
        await stage.ended.wait()

        assert stage.counts.clients == 0
        assert stage.wire.closed is None


async def test_a_silent_client_is_asked_now_and_then(autojump_clock: MockClock) -> None:
    async with staged() as stage:
        await trio.sleep(PING_EVERY * 3.5)

        assert stage.wire.pings == [PING_EVERY, PING_EVERY * 2, PING_EVERY * 3]
        assert not stage.ended.is_set()
        assert len(stage.wire.said) == 1, "pings are no frames"


async def test_a_client_that_says_something_is_there(
    autojump_clock: MockClock,
) -> None:
    """It may answer no ping, as long as anything comes."""
    async with staged() as stage:
        stage.wire.is_there = False
        for number in range(1, 60):
            await trio.sleep(PING_EVERY / 3)
            stage.wire.last_heard = trio.current_time()
            stage.wire.put("unsubscribe", number)
        await stage.wire.heard(60)

        assert len(stage.wire.pings) == 19


async def test_pings_to_many_are_sent_together(autojump_clock: MockClock) -> None:
    await trio.sleep(0.3)
    async with staged() as stage:
        await trio.sleep(PING_EVERY * 2.5)

        assert stage.wire.pings == [PING_EVERY + 1, 2 * PING_EVERY + 1]


async def test_a_client_that_does_not_answer_a_ping_is_given_up(
    autojump_clock: MockClock,
) -> None:
    async with staged() as stage:
        stage.wire.is_there = False
        await stage.ended.wait()

        assert trio.current_time() == PING_EVERY * 2
        assert stage.wire.pings == [PING_EVERY]
        assert stage.counts.silent == 1
        assert stage.wire.closed == (TOO_MUCH, PING_EVERY * 2)


async def test_a_client_that_does_not_read_is_given_up(
    autojump_clock: MockClock,
) -> None:
    async with staged() as stage:
        stage.wire.put("subscribe", 2, scope="runs")
        await stage.wire.heard(2)
        stage.wire.is_reading = False
        stage.cursor.move()
        await stage.ended.wait()

        assert trio.current_time() == SEND_SECONDS
        assert stage.counts.stuck == 1
        assert stage.cursor.is_closed


async def test_a_slow_client_gets_fewer_and_larger_updates(
    autojump_clock: MockClock,
) -> None:
    """Nothing is queued for it, whatever happens meanwhile."""
    async with staged() as stage:
        stage.wire.put("subscribe", 2, scope="runs")
        await stage.wire.heard(2)
        stage.wire.is_reading = False
        for _ in range(1000):
            stage.cursor.move()
            await trio.sleep(0.01)
        stage.wire.read()
        last = await stage.wire.heard(4)

        bases = [one["params"]["base"] for one in stage.wire.said[2:]]
        assert bases == [0, 1]
        assert last["params"]["changes"] == {"n": 1000}


async def test_a_subscription_is_told_whole_and_then_what_changes(
    autojump_clock: MockClock,
) -> None:
    async with staged() as stage:
        stage.wire.put("subscribe", "a", scope="runs")
        answer = await stage.wire.heard(2)
        stage.cursor.move(3)
        update = await stage.wire.heard(3)

        assert answer["id"] == "a"
        assert answer["result"]["snapshot"] == {"n": 0}
        assert update == {
            "jsonrpc": "2.0",
            "method": "update",
            "params": {
                "subscription": answer["result"]["subscription"],
                "base": 0,
                "rev": 3,
                "changes": {"n": 3},
            },
        }
        assert stage.counts.updates == 1


async def test_an_idle_subscription_says_nothing(autojump_clock: MockClock) -> None:
    async with staged() as stage:
        stage.wire.put("subscribe", 2, scope="runs")
        await stage.wire.heard(2)
        await trio.sleep(3600)

        assert len(stage.wire.said) == 2


async def test_nothing_is_said_after_unsubscribe(autojump_clock: MockClock) -> None:
    async with staged() as stage:
        stage.wire.put("subscribe", 2, scope="runs")
        name = (await stage.wire.heard(2))["result"]["subscription"]
        stage.wire.put("unsubscribe", 3, subscription=name)
        answer = await stage.wire.heard(3)
        stage.cursor.move()
        await trio.sleep(1)

        assert answer == {"jsonrpc": "2.0", "id": 3, "result": {}}
        assert len(stage.wire.said) == 3
        assert stage.cursor.is_closed


async def test_unsubscribe_comes_after_an_update_that_is_on_its_way(
    autojump_clock: MockClock,
) -> None:
    async with staged() as stage:
        stage.wire.put("subscribe", 2, scope="runs")
        name = (await stage.wire.heard(2))["result"]["subscription"]
        stage.wire.is_reading = False
        stage.cursor.move()
        await trio.sleep(0.1)
        stage.wire.put("unsubscribe", 3, subscription=name)
        stage.cursor.move()
        await trio.sleep(0.1)
        stage.wire.read()
        await trio.sleep(0.1)

        assert [one.get("method", "answer") for one in stage.wire.said[2:]] == [
            "update",
            "answer",
        ]
        assert stage.cursor.is_closed


async def test_the_end_of_a_feed_is_told_once(autojump_clock: MockClock) -> None:
    async with staged() as stage:
        stage.wire.put("subscribe", 2, scope="runs")
        name = (await stage.wire.heard(2))["result"]["subscription"]
        stage.cursor.end("the run was removed")
        told = await stage.wire.heard(3)
        stage.wire.put("unsubscribe", 3, subscription=name)
        late = await stage.wire.heard(4)

        assert told["method"] == "ended"
        assert told["params"] == {"subscription": name, "why": "the run was removed"}
        assert late["error"]["code"] == Code.PARAMETERS
        assert stage.cursor.is_closed


async def test_a_feed_that_ended_before_it_began_is_refused(
    autojump_clock: MockClock,
) -> None:
    async with staged() as stage:
        stage.wire.put("subscribe", 2, scope="metrics")
        answer = await stage.wire.heard(2)

        assert answer["error"]["message"] == "gone already"
        assert answer["error"]["data"]["kind"] == "FeedEnded"


async def test_an_action_is_answered_after_its_notes(autojump_clock: MockClock) -> None:
    async with staged() as stage:
        stage.wire.put("status", "x")
        answer = await stage.wire.heard(3)

        note = stage.wire.said[1]
        assert note["method"] == "note"
        assert note["params"] == {"request": "x", "text": "doing status"}
        assert answer == {"jsonrpc": "2.0", "id": "x", "result": {}}
        assert stage.counts.actions == 1


async def test_slow_actions_hold_up_nothing(autojump_clock: MockClock) -> None:
    async def slow(name: str) -> str:
        await trio.sleep(100 if len(stage.calls) == 1 else 1)
        return "{}"

    async with staged(slow) as stage:
        stage.wire.put("status", "slow")
        await stage.wire.heard(2)
        stage.wire.put("status", "quick")
        answer = await stage.wire.heard(4)

        assert answer["id"] == "quick"
        assert trio.current_time() == 1
        assert not any(one.get("id") == "slow" for one in stage.wire.said)


class Sorry(UserError):
    exit_code = 1

    def __str__(self) -> str:
        return "no such run"


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (Sorry(), Code.REFUSED, "no such run"),
        (BadParameters("status", ("a", "b")), Code.PARAMETERS, "a\nb"),
        (ExceptionGroup("all", [Sorry()]), Code.REFUSED, "no such run"),
        (
            ExceptionGroup("all", [Sorry(), ExceptionGroup("in", [KeyError("x")])]),
            Code.DEFECT,
            "internal error; the log of the server tells more",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device", "/p/a"),
            Code.REFUSED,
            "/p/a: No space left on device",
        ),
        (OSError(errno.EFBIG, "File too large"), Code.REFUSED, "File too large"),
        (
            OSError("odd"),
            Code.DEFECT,
            "internal error; the log of the server tells more",
        ),
        (
            RuntimeError("secret"),
            Code.DEFECT,
            "internal error; the log of the server tells more",
        ),
    ],
)
async def test_what_an_action_raises_is_told_as_far_as_it_can_be_mended(
    error: Exception, code: int, message: str, autojump_clock: MockClock
) -> None:
    async def act(name: str) -> str:
        raise error

    async with staged(act) as stage:
        stage.wire.put("status", 5)
        answer = await stage.wire.heard(3)

        assert (answer["id"], answer["error"]["code"]) == (5, code)
        assert answer["error"]["message"] == message


@pytest.mark.parametrize("kind", [RuntimeError, partial(OSError, errno.EIO)])
def test_a_defect_is_logged_with_what_was_asked(
    kind: Callable[[str], Exception], caplog: pytest.LogCaptureFixture
) -> None:
    fault_of(kind("broken pipe of mine"), "steer")

    assert "steer failed" in caplog.text
    assert "broken pipe of mine" in caplog.text


async def test_the_end_of_the_server_is_told(autojump_clock: MockClock) -> None:
    async with staged() as stage:
        pass

    assert stage.wire.closed == (SERVER_ENDS, 0.0)
