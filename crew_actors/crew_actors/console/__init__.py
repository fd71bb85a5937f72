# The console of a crew, from the ground up:
#
#   _frames _scopes _tokens   what is said            _session     who may say what
#   _http                     heads and replies       _transport   the websocket library
#   _counts                   figures of the server   _actions     the table, for clients
#   _connection               one client              _server      the port and the tree
#   _pulse                    who is still there
#   _hints _scope_schemas _schema   the protocol in JSON schema
#   _pages _listening _kept _errors   files, sockets, and what can be wrong with them
#   feeds                     what can be watched
#   client                    the other end of a connection
#   _results _lines           command lines for a console elsewhere
#   serve_action              `crew serve`         console_action   `crew console`
"""Watch and steer a crew over a websocket."""

from crew_actors.console._errors import (
    BadCertificate as BadCertificate,
    BadTokenFile as BadTokenFile,
    CannotListen as CannotListen,
    NotLoopback as NotLoopback,
)
from crew_actors.console._server import (
    ConsoleAddress as ConsoleAddress,
    serve_console as serve_console,
)
from crew_actors.console._tokens import Role as Role, Tokens as Tokens
