# A process whose errors go into a file has nobody to mask them on their way: the
# interpreter itself writes the last traceback. So the stream does it.
"""A stream that masks what is written to it."""

import io
from typing import TextIO, final

from crew_actors.redaction._data import new_redactor


@final
class MaskedStream(io.TextIOBase):
    """Writes to another stream, masked, as `redact` does.

    What is written between two flushes counts as one text; a text that stops within a
    line goes on after the flush. Several threads may write, each whole lines.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._redactor = new_redactor()
        self._at_line_end = True

    def writable(self) -> bool:
        """Tell that it takes texts."""
        return True

    def write(self, text: str, /) -> int:
        """Take *text* in, and write what is certain by now."""
        if text:
            self._at_line_end = text.endswith("\n")
            self._stream.write(self._redactor.feed(text))
        return len(text)

    def flush(self) -> None:
        """Write what was held back, unless it stops within a line."""
        if self._at_line_end:
            self._stream.write(self._redactor.close())
        self._stream.flush()

    def close(self) -> None:
        """Write all that was held back. The stream below stays open."""
        if not self.closed:
            self._at_line_end = True
            super().close()  # which flushes
