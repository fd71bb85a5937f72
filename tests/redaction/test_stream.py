"""A stream masks what is written to it, in whatever pieces."""

import io
import logging

import pytest

from crew_actors.redaction import MaskedStream


@pytest.mark.parametrize("flushes", [False, True])
def test_a_secret_in_pieces_is_masked(flushes: bool) -> None:
    kept = io.StringIO()
    stream = MaskedStream(kept)
    for piece in ("one pass", "word=hun", "ter2", " two\n", "three\n", "end"):
        assert stream.write(piece) == len(piece)
        if flushes:
            stream.flush()
    if flushes:
        assert kept.getvalue() == "one password=*** two\nthree\n"
    stream.close()
    stream.close()
    assert kept.getvalue() == "one password=*** two\nthree\nend"
    assert stream.closed
    assert not kept.closed


def test_a_record_is_there_when_it_was_logged() -> None:
    kept = io.StringIO()
    handler = logging.StreamHandler(MaskedStream(kept))
    for text in (f"-----BEGIN PRIVATE KEY-----\n{'MIIE' * 16}", "well"):
        handler.handle(logging.makeLogRecord({"msg": text}))
    begin, _, end = kept.getvalue().partition("\n")
    assert "MIIE" not in kept.getvalue()
    assert (begin[:10], end[-5:]) == ("-----BEGIN", "well\n")
    assert MaskedStream(kept).writable()
