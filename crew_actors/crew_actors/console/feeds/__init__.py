# What clients of the console see, as it changes:
#
#   _feeds    all of them, shared by clients    _feed     feeds and their cursors
#   _runs _run _events _output                  _shared   what lives while it is used
#   _supervisors _mailboxes _letters _metrics   _rows     what is newer, by fields
#   _watch      one run, wherever it is worked on
#   _inspector  looks at actors, here and elsewhere
#   _shapes _nodes   runs, tasks and actors as clients see them
#   _json     values as bytes
"""Feeds: what clients subscribe to, as snapshots and what is newer."""

from crew_actors.console._scopes import Scope as Scope
from crew_actors.console.feeds._feed import Cursor as Cursor
from crew_actors.console.feeds._feeds import Feeds as Feeds, NoFeed as NoFeed
from crew_actors.console.feeds._shared import FeedEnded as FeedEnded
