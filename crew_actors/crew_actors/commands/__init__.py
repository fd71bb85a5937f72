# What a user can have done: one table of actions, for the command line and for all
# that follows it. This door is light; each action loads what it needs when it is
# asked for.
#
#   _table   actions and their context     _schema   parameters, from attrs classes
#   _layout  columns and paragraphs        _errors   what is wrong around an action
#   _graph   the tasks of a plan           _runs     find a run by its name
#   asking   questions to the user         terminal  actions that take their time
#   arguments   command lines of actions
#   _run _status _events _artifacts _cancel _list _show _validate _trust _doctor
#   _census _stress _summary _worktrees _cleanup _forget _prune _export _import
#   _imports _diagnose _init _config _task _output _messages _diff _send _nudge
#   _claim _release _transition, which share _outside
"""The actions of a user, as functions from parameters to results."""

from crew_actors.commands._errors import NoFolder as NoFolder, NoOutput as NoOutput
from crew_actors.commands._schema import (
    BadParameters as BadParameters,
    Parameter as Parameter,
    build as build,
    parameters_of as parameters_of,
    told as told,
)
from crew_actors.commands._table import (
    ROLES as ROLES,
    SUMMARIES as SUMMARIES,
    Action as Action,
    Context as Context,
    RunControl as RunControl,
    Watcher as Watcher,
    load_action as load_action,
)
