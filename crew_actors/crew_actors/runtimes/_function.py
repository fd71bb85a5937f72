"""Run an agent that is a function in this process."""

from crew_actors.runtimes._job import AgentFunction, Job, Port, Runtime
from crew_actors.runtimes._outcome import Completed, Failed, NoResult, Outcome


def function_runtime(function: AgentFunction) -> Runtime:
    """Make a runtime of *function*.

    Like any agent it must prove its success: a result without text counts as none.
    """

    async def run(job: Job, port: Port) -> Outcome:
        outcome: object = await function(job, port)
        if not isinstance(outcome, Completed | NoResult | Failed):
            msg = f"an agent returns an Outcome, not {type(outcome).__name__}"
            raise TypeError(msg)
        if isinstance(outcome, Completed) and not outcome.text.strip():
            return NoResult(why="the function returned a result without text")
        return outcome

    return run
