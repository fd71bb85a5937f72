"""Lines and tails do not depend on how the bytes were cut into reads."""

from itertools import pairwise
from typing import Final

import pytest
from hypothesis import example, given, strategies as st

from crew_supervisors.processes._framing import Line, LineFramer, Tail

LIMIT: Final = 8
BITS = (
    b"\n",
    b"\r",
    b"\r\n",
    b"a",
    b"bcdefgh",
    "é".encode(),
    "€".encode(),
    b"\xff",
    b"\xef\xbf\xbd",
    b"\xf0\x9f",
)
raw_bytes = st.lists(st.sampled_from(BITS) | st.binary(max_size=12)).map(b"".join)


def expected(data: bytes) -> list[Line]:
    """Say it the slow and simple way, for ASCII."""
    parts = data.decode().split("\n")
    if parts[-1] == "":
        parts.pop()
    lines = [part.removesuffix("\r") for part in parts]
    return [Line(line[:LIMIT], truncated=len(line) > LIMIT) for line in lines]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    at = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(at)]


def frame(pieces: list[bytes], limit: int) -> tuple[list[Line], LineFramer]:
    framer = LineFramer(limit)
    lines = [line for piece in pieces for line in framer.feed(piece)]
    return lines + framer.finish(), framer


@given(raw_bytes, st.lists(st.integers(0, 1000)))
@example(b"12345678\r\n", [9])
@example(b"12345678\rx\n", [9])
@example(b"123456789\n\n", [9])
def test_any_chunking_of_any_bytes_gives_the_same_lines(
    data: bytes, places: list[int]
) -> None:
    whole, framer = frame([data], LIMIT)
    pieces, other = frame(cut(data, places), LIMIT)
    assert pieces == whole
    assert (other.dropped, other.replaced) == (framer.dropped, framer.replaced)


@given(raw_bytes.filter(lambda data: not any(byte > 0x7F for byte in data)))
def test_lines_are_what_a_plain_split_gives(data: bytes) -> None:
    assert frame([data], LIMIT)[0] == expected(data)


@given(st.text(), st.lists(st.integers(0, 1000)))
def test_text_survives_any_chunking(text: str, places: list[int]) -> None:
    lines, framer = frame(cut(text.encode(), places), 1 << 20)
    wanted = text.split("\n")
    wanted = wanted[:-1] if wanted[-1] == "" else wanted
    assert [line.text for line in lines] == [line.removesuffix("\r") for line in wanted]
    assert framer.replaced == 0


def test_broken_utf_8_is_replaced_and_counted() -> None:
    lines, framer = frame([b"a\xff\xfeb\n\xef\xbf\xbd\n", b"\xe2\x82\n"], 100)
    assert [line.text for line in lines] == ["a\ufffd\ufffdb", "\ufffd", "\ufffd"]
    assert framer.replaced == 3


@pytest.mark.parametrize("size", [1, 3, 64])
def test_a_long_line_is_delivered_once_and_cut_at_a_character(size: int) -> None:
    data = "ab€€€€€€".encode() + b"\nnext\n"
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    lines, framer = frame(pieces, 6)
    assert lines == [Line("ab€", truncated=True), Line("next")]
    assert framer.dropped == len("€€€€€".encode())


def test_a_long_line_comes_before_its_end_does() -> None:
    framer = LineFramer(4)
    assert framer.feed(b"12345") == [Line("1234", truncated=True)]
    assert framer.feed(b"6789") == []
    assert framer.feed(b"0\nab\n") == [Line("ab")]
    assert framer.dropped == 6


def test_a_long_line_without_an_end_is_not_repeated() -> None:
    lines, framer = frame([b"123456789"], 4)
    assert lines == [Line("1234", truncated=True)]
    assert framer.dropped == 5


@given(st.lists(st.binary(max_size=40)), st.integers(0, 30))
def test_a_tail_is_the_end_of_what_came(pieces: list[bytes], limit: int) -> None:
    tail = Tail(limit)
    for piece in pieces:
        tail.feed(piece)
    data = b"".join(pieces)
    kept = data[len(data) - limit :] if limit < len(data) else data
    text = tail.text()
    assert kept.decode(errors="replace").endswith(text)
    assert len(kept.decode(errors="replace")) - len(text) <= 3


def test_a_tail_begins_with_a_whole_character() -> None:
    tail = Tail(4)
    tail.feed("€€".encode())
    assert tail.text() == "€"
