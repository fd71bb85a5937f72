# Which processes are ours, and whose are they now?
#
#   _verdict  pure: what an orphan is          _records  what a runtime has started
#   _scan     looks, and signals nothing       _reading  reads that
#   _end      ends orphans, and proves it
"""The census of processes: find those that outlived their runtime, and end them."""

from crew_actors.census._end import (
    Ended as Ended,
    end_orphans as end_orphans,
    sweep_orphans as sweep_orphans,
)
from crew_actors.census._records import (
    ProcessJournal as ProcessJournal,
    recording as recording,
)
from crew_actors.census._scan import (
    Census as Census,
    records_folder as records_folder,
    take_census as take_census,
)
from crew_actors.census._verdict import (
    Finding as Finding,
    Owner as Owner,
    Record as Record,
    Seen as Seen,
    Standing as Standing,
    Verdict as Verdict,
    judge as judge,
    standing_of as standing_of,
)
