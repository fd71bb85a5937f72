# What is on disk: the run's database, its artifacts, and the registry of runs.
#
#   _errors      what can go wrong         _lease      who owns a run
#   _folder      the layout of a run       _journal    the one writer, subscriptions
#   _codec       events to JSON and back   _readers    what other processes may ask
#   _schema      tables, in all versions   _repair     what can be read of a damaged run
#   _compaction  events that may go        _artifacts  files that attempts left
#   _database    SQLite, and its errors    _registry   runs across projects
#   _pages       events, and gaps          _salvage   a damaged registry
#   _small_writes  many of them in one thread
"""The durable journal of a run, its artifacts, and the registry of runs."""

from crew_actors.journal._artifacts import (
    MAX_ARTIFACT as MAX_ARTIFACT,
    ArtifactStore as ArtifactStore,
    check_name as check_name,
)
from crew_actors.journal._codec import (
    KINDS as KINDS,
    MAX_EVENT as MAX_EVENT,
    decode as decode,
    encode as encode,
    kind_of as kind_of,
)
from crew_actors.journal._errors import (
    AmbiguousRun as AmbiguousRun,
    ArtifactDamaged as ArtifactDamaged,
    ArtifactError as ArtifactError,
    ArtifactExists as ArtifactExists,
    ArtifactTooLarge as ArtifactTooLarge,
    BadArtifactName as BadArtifactName,
    BadArtifactSource as BadArtifactSource,
    BadEvent as BadEvent,
    JournalClosed as JournalClosed,
    JournalCorrupt as JournalCorrupt,
    JournalError as JournalError,
    JournalExists as JournalExists,
    JournalFull as JournalFull,
    JournalIO as JournalIO,
    JournalLocked as JournalLocked,
    JournalMissing as JournalMissing,
    JournalReadOnly as JournalReadOnly,
    JournalStuck as JournalStuck,
    LeaseHeld as LeaseHeld,
    NewerJournal as NewerJournal,
    RegistryError as RegistryError,
    UnknownEvent as UnknownEvent,
    UnknownRun as UnknownRun,
    UnsafeFolder as UnsafeFolder,
)
from crew_actors.journal._folder import (
    RunFolder as RunFolder,
    runs_folder as runs_folder,
    sync_folder as sync_folder,
)
from crew_actors.journal._journal import (
    Journal as Journal,
    Subscription as Subscription,
    open_journal as open_journal,
)
from crew_actors.journal._lease import (
    Lease as Lease,
    OwnerState as OwnerState,
    boot_id as boot_id,
    owner_state as owner_state,
    process_created as process_created,
    read_lease as read_lease,
)
from crew_actors.journal._named import (
    NoRuns as NoRuns,
    SeveralRuns as SeveralRuns,
    find_run as find_run,
)
from crew_actors.journal._pages import AfterGap as AfterGap
from crew_actors.journal._readers import (
    Follower as Follower,
    advance_over as advance_over,
    effective_status as effective_status,
    follow_events as follow_events,
    never_began as never_began,
    newest_events as newest_events,
    read_events as read_events,
    read_state as read_state,
)
from crew_actors.journal._registry import (
    Registry as Registry,
    RunEntry as RunEntry,
    RunList as RunList,
    find_leftovers as find_leftovers,
)
from crew_actors.journal._repair import (
    JournalReport as JournalReport,
    examine_journal as examine_journal,
    repair_journal as repair_journal,
)
