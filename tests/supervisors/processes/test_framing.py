"""Lines and tails do not depend on how the bytes were cut into reads."""

from itertools import pairwise
from typing import Final

import pytest
from hypothesis import example, given, strategies as st

from crew_supervisors.processes import Batch, CutLine, Line
from crew_supervisors.processes._framing import LineFramer, Tail
from crew_supervisors.processes._spec import Errors

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
    return [(CutLine if len(line) > LIMIT else Line)(line[:LIMIT]) for line in lines]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    at = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(at)]


def frame(pieces: list[bytes], limit: int) -> tuple[list[Line], LineFramer]:
    framer = LineFramer(limit)
    lines = [line for piece in pieces for line in framer.feed(piece) or ()]
    return lines + list(framer.finish() or ()), framer


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
    assert lines == [CutLine("ab€"), Line("next")]
    assert framer.dropped == len("€€€€€".encode())


def test_a_long_line_comes_before_its_end_does() -> None:
    framer = LineFramer(4)
    assert list(framer.feed(b"12345") or ()) == [CutLine("1234")]
    assert framer.feed(b"6789") is None
    assert list(framer.feed(b"0\nab\n") or ()) == [Line("ab")]
    assert framer.dropped == 6


def test_a_long_line_without_an_end_is_not_repeated() -> None:
    lines, framer = frame([b"123456789"], 4)
    assert lines == [CutLine("1234")]
    assert framer.dropped == 5


@given(raw_bytes, st.lists(st.integers(0, 1000)))
def test_kept_lines_come_whole_in_their_order_whatever_the_chunking(
    data: bytes, places: list[int]
) -> None:
    framer = LineFramer(LIMIT, keep_long=True)
    files: dict[int, bytes] = {}
    seen: list[bytes] = []
    begun: list[CutLine] = []
    batches = [framer.feed(piece) for piece in cut(data, places)] + [framer.finish()]
    for long, piece in framer.excess:
        if not any(long is other for other in begun):
            begun.append(long)
        files[id(long)] = files.get(id(long), b"") + piece
    for batch in batches:
        seen += [
            files[id(line)] if isinstance(line, CutLine) else line.text.encode()
            for line in batch or ()
        ]
    assert all(long.size == len(files[id(long)]) > LIMIT for long in begun)
    assert framer.dropped == 0
    wanted = data.split(b"\n")
    wanted = wanted[:-1] if wanted[-1] == b"" else wanted
    assert len(seen) == len(wanted)
    for have, want in zip(seen, wanted, strict=True):
        text = want.removesuffix(b"\r").decode(errors="replace").encode()
        assert have in (want, text)


@pytest.mark.parametrize(
    ("errors", "text"),
    [
        ("replace", "a\ufffdb"),
        ("backslashreplace", "a\\xffb"),
        ("surrogateescape", "a\udcffb"),
    ],
)
def test_a_policy_says_what_becomes_of_broken_bytes(errors: Errors, text: str) -> None:
    framer = LineFramer(100, errors)
    batch = framer.feed(b"a\xffb\n")
    assert batch is not None
    assert batch.texts == [text]
    assert framer.replaced == 1


def test_a_batch_is_its_lines() -> None:
    batch = LineFramer(4).feed(b"a\n123456\nb\n")
    assert isinstance(batch, Batch)
    assert batch.text == "a\n1234\nb"
    assert len(batch) == 3
    assert list(batch) == [Line("a"), CutLine("1234"), Line("b")]
    assert batch.cut == {1: CutLine("1234")}


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
