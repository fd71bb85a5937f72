"""What an idle actor weighs: `python -m crew_stress.bench.idle_actors COUNT`.

A process of its own, so that nothing else has used its memory before.
"""

import gc
import sys

import psutil
import trio

from crew_actors.actors import open_actors
from crew_stress.bench.actor_loads import read_all


async def weigh(count: int) -> float:
    """Return bytes of resident memory for each of *count* idle actors."""
    process = psutil.Process()
    async with open_actors() as actors:
        await actors.spawn(read_all)
        gc.collect()
        before = process.memory_info().rss
        for _ in range(count):
            await actors.spawn(read_all)
        await trio.lowlevel.checkpoint()
        gc.collect()
        return (process.memory_info().rss - before) / count


if __name__ == "__main__":
    print(trio.run(weigh, int(sys.argv[1])))
