# It stops when its stdin ends: so with the player, however that ends.
"""The `crew run` that `killed-runs` kills."""

import os
import signal
import sys
import threading

from crew_actors.cli import main


def stop_with_stdin() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=stop_with_stdin, daemon=True).start()
    sys.exit(main(sys.argv[1:]))
