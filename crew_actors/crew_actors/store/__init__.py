# What can be done with whole runs that nobody works on: looking at what they have left
# in the repository, removing them, and carrying them to other machines.
#
#   _traces    worktrees and branches      _bundle    what an exported run consists of
#   _cleanup   worktrees removed           _export    a run becomes a bundle
#   _forget    runs removed                _import    a bundle is taken in, or refused
#   _inside    files read without links    _diagnose  a report about one run
#   _outgoing  what may leave the machine  _errors    what can be wrong
"""Runs as a whole: clean up, forget, export, import, diagnose."""

from crew_actors.store._bundle import (
    LIMITS as LIMITS,
    BundledTask as BundledTask,
    BundleLimits as BundleLimits,
    Manifest as Manifest,
)
from crew_actors.store._cleanup import (
    CleanedUp as CleanedUp,
    KeptTree as KeptTree,
    clean_up as clean_up,
)
from crew_actors.store._diagnose import (
    diagnose_run as diagnose_run,
    is_damaged as is_damaged,
)
from crew_actors.store._errors import (
    BadBundle as BadBundle,
    BundleTooLarge as BundleTooLarge,
    ImportExists as ImportExists,
    NoFolderFor as NoFolderFor,
    NotARunFolder as NotARunFolder,
    TargetInTheWay as TargetInTheWay,
)
from crew_actors.store._export import Exported as Exported, export_run as export_run
from crew_actors.store._forget import (
    Doomed as Doomed,
    Forgotten as Forgotten,
    doom as doom,
    finish_forgotten as finish_forgotten,
    forget_run as forget_run,
)
from crew_actors.store._import import (
    Import as Import,
    import_bundle as import_bundle,
    imports_folder as imports_folder,
    list_imports as list_imports,
)
from crew_actors.store._inside import (
    NotReadable as NotReadable,
    read_inside as read_inside,
)
from crew_actors.store._outgoing import write_outgoing as write_outgoing
from crew_actors.store._traces import (
    Branch as Branch,
    Traces as Traces,
    Tree as Tree,
    find_traces as find_traces,
    project_of as project_of,
)
