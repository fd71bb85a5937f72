"""`python -m crew_actors.testing.llm`: a fake LLM for whoever is pointed to it."""

import argparse
import json
import sys

import trio

from crew_actors.testing.llm import LlmRequest, open_fake_llm


def _tell(request: LlmRequest) -> None:
    asked = request.asked
    line: dict[str, object] = {
        "number": request.number,
        "path": request.path,
        "status": request.status,
        "outcome": request.outcome,
    }
    if asked is not None:
        line |= {"wire": asked.wire, "model": asked.model}
    print(json.dumps(line), flush=True)  # noqa: T201 - what this program is for


async def serve(port: int) -> None:
    """Serve until cancelled; the first line of the output tells the address."""
    async with open_fake_llm(port=port, tell=_tell) as llm:
        print(json.dumps({"url": llm.url}), flush=True)  # noqa: T201 - as above
        await trio.sleep_forever()


def main(args: list[str] | None = None) -> int:
    """Read the command line, and serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m crew_actors.testing.llm",
        description="Serve a fake LLM on the loopback address; one JSON object for each "
        "request on the standard output, and its address first.",
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    try:
        trio.run(serve, parser.parse_args(args).port)
    except* KeyboardInterrupt:
        pass  # this is how it ends
    return 0


if __name__ == "__main__":
    sys.exit(main())
