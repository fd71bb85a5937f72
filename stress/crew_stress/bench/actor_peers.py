# Peers are other actor libraries. They come with the extra `bench`; one that is not
# installed is skipped, and the table says so.
"""The loads for actors, written for other actor libraries."""

import asyncio
import importlib
from time import process_time
from typing import Any, Final

from crew_stress.bench.actor_loads import Sizes

ADDRESS: Final = "127.0.0.1:0"


def missing(library: str) -> str | None:
    """Tell why *library* cannot be measured here; None if it can."""
    try:
        importlib.import_module(library)
    except ImportError as error:
        return f"{library} cannot be imported ({error}): install the extra bench"
    return None


def _pykka_actor() -> tuple[Any, Any]:
    pykka: Any = importlib.import_module("pykka")

    class Reader(pykka.ThreadingActor):  # type: ignore[misc]  # whatever was imported
        def on_receive(self, message: object) -> object:
            return message

    return pykka, Reader.start()


def tell_by_pykka(sizes: Sizes) -> float:
    _, reader = _pykka_actor()
    begin = process_time()
    for number in range(sizes.messages):
        reader.tell(number)
    reader.ask(-1)  # answered after all others
    taken = process_time() - begin
    reader.stop()
    return taken / sizes.messages


def ask_by_pykka(sizes: Sizes) -> float:
    _, reader = _pykka_actor()
    begin = process_time()
    for number in range(sizes.asks):
        reader.ask(number, timeout=5.0)
    taken = process_time() - begin
    reader.stop()
    return taken / sizes.asks


def ask_by_xoscar(sizes: Sizes) -> float:
    """Measure in an event loop of its own: xoscar stands on asyncio."""
    xoscar: Any = importlib.import_module("xoscar")

    class Answerer(xoscar.Actor):  # type: ignore[misc]  # whatever was imported
        async def ping(self) -> int:
            return 1

    async def main() -> float:
        pool = await xoscar.create_actor_pool(ADDRESS, n_process=0)
        async with pool:
            ref = await xoscar.create_actor(
                Answerer, address=pool.external_address, uid="answerer"
            )
            begin = process_time()
            for _ in range(sizes.asks):
                await ref.ping()
            return (process_time() - begin) / sizes.asks

    return asyncio.run(main())
