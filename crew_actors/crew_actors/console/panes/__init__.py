# Panes at a terminal, by Textual (the extra `tui`):
#
#   _texts   what the panes show, made harmless
#   _guest   the client, on trio, as a guest of Textual's loop
#   _app     the panes and their keys
"""`crew console` at a terminal."""

from crew_actors.console.panes._app import Panes as Panes, show_panes as show_panes
