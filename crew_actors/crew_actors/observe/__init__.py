# What a person or a program sees of a run. Nothing behind this door loads trio or
# rich; what does has a door of its own, for those who need it:
#
#   _text      foreign text made harmless     printer    output that blocks nothing
#   _describe  an event in a few words        displays   lines and JSON lines
#   _view      rows of the live table         live       the table at a terminal
#   _lines     a run told in lines
#   _history   what is no longer in the state
#   _objects   values as JSON
"""Views of runs: lines, JSON lines and the live table."""

from crew_actors.observe._describe import (
    Saying as Saying,
    describe as describe,
    event_line as event_line,
)
from crew_actors.observe._history import (
    History as History,
    SeenAttempt as SeenAttempt,
    SeenMessage as SeenMessage,
    SeenQuestion as SeenQuestion,
    read_history as read_history,
)
from crew_actors.observe._lines import Narrator as Narrator
from crew_actors.observe._objects import (
    as_object as as_object,
    fields_of as fields_of,
    json_line as json_line,
)
from crew_actors.observe._text import (
    cells as cells,
    clean as clean,
    counted as counted,
    cut as cut,
    duration as duration,
    escaped as escaped,
    padded as padded,
    size as size,
)
from crew_actors.observe._view import (
    Row as Row,
    fit as fit,
    headline as headline,
    rows as rows,
    tally as tally,
    word as word,
)
