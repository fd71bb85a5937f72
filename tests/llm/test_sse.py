"""Server-sent events come out whole, wherever the bytes were cut."""

import itertools

import pytest
from hypothesis import given, strategies as st

from crew_actors.llm._sse import EVENT_LIMIT, EventReader, EventTooLong, ServerEvent

STREAM = (
    b'\xef\xbb\xbfevent: begin\r\ndata: {"a":\r\ndata: 1}\r\n\r\n'
    b": still there\n\n"
    b"id: 7\ndata:plain \xc3\xa9\n\n"
    b"data: by cr\r\r"
    b"event: nothing\n\n"
    b"data: cut off"
)
EVENTS = [
    ServerEvent("begin", '{"a":\n1}'),
    ServerEvent("message", "plain é"),
    ServerEvent("message", "by cr"),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_events_are_the_same_wherever_their_bytes_are_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    reader = EventReader()
    found = [
        event
        for first, last in itertools.pairwise(places)
        for event in reader.feed(STREAM[first:last])
    ]
    assert found == EVENTS


def test_an_event_that_never_ends_is_not_taken_in() -> None:
    reader = EventReader()
    line = b"data: " + b"x" * (EVENT_LIMIT // 2) + b"\n"
    assert list(reader.feed(line)) == []
    with pytest.raises(EventTooLong):
        list(reader.feed(line))


def test_a_line_that_never_ends_is_not_taken_in() -> None:
    with pytest.raises(EventTooLong):
        list(EventReader().feed(b"x" * (EVENT_LIMIT + 1)))
