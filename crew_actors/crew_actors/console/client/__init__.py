# A client of a console, for programs on trio:
#
#   _errors _address   what can go wrong, and where it is    _states   what is known
#   _link              one connection                         _subscription
#   _console           one connection after the other
"""Talk to a console from Python.

async with connect_console(link) as console:
    await console.call("steer", run="latest", task="review", text="tests first")
    async for state in console.subscribe("run", run="latest"):
        print(state["run"]["status"])
"""

from crew_actors.console.client._address import (
    Address as Address,
    read_address as read_address,
)
from crew_actors.console.client._console import (
    Console as Console,
    connect as connect,
    connect_console as connect_console,
)
from crew_actors.console.client._errors import (
    AnswerLost as AnswerLost,
    BadAddress as BadAddress,
    ConsoleRefused as ConsoleRefused,
    ConsoleUnreachable as ConsoleUnreachable,
)
from crew_actors.console.client._states import GAP as GAP
from crew_actors.console.client._subscription import Subscription as Subscription
