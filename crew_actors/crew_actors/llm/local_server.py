# One thread: with more, the engine waits for its own threads by spinning, and becomes ten
# times as slow as soon as anything else wants a processor (measured on 2 cores).
"""`python -m crew_actors.llm.local_server WEIGHTS`: serve a model on the loopback address.

The first line of the output is a JSON object with its `url`. It serves until it is ended.
"""

import importlib
import json
import signal
import sys
from typing import Any

from crew_actors.llm._local import ENGINE


def main(args: list[str]) -> int:
    """Serve the model whose weights are in the file that *args* names."""
    engine: Any = importlib.import_module(ENGINE)
    wanted = engine.CommonParams()
    wanted.model.path = args[0]
    wanted.hostnames = ["127.0.0.1"]
    wanted.port = 0
    wanted.cpuparams.n_threads = 1
    wanted.cpuparams_batch.n_threads = 1
    wanted.sampling.temp = 0.0  # the same question has the same answer
    server = engine.Server(wanted)
    print(json.dumps({"url": server.listening_address}), flush=True)  # noqa: T201 - for whoever has started it
    signal.pause() if hasattr(signal, "pause") else sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
