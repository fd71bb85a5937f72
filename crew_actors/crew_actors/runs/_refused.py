"""What can be wrong with a request for a run. Nothing was started."""

from crew_actors.errors import UserError
from crew_actors.resources import Problem, ResourceError
from crew_actors.runtimes import AGENT_PROGRAMS

FALLBACK_TEAM = "survey"
"""The team that needs no agent program."""


class BadRequest(UserError):
    """A field of the request cannot be. Nothing was started."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(field, message)
        self.field = field
        self.message = message

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class NoAgentProgram(UserError):
    """Agents of the team need an agent program, and there is none. Nothing was started."""

    def __init__(self, team: str, agents: tuple[str, ...], wanted: str | None) -> None:
        super().__init__(team, agents, wanted)
        self.team = team
        self.agents = agents
        self.wanted = wanted

    def __str__(self) -> str:
        known = ", ".join(AGENT_PROGRAMS)
        missing = (
            f"none of {known} is on your PATH"
            if self.wanted is None
            else f"{self.wanted!r} is not on your PATH"
        )
        return (
            f"team {self.team!r} needs an agent program to run {', '.join(self.agents)}, "
            f"and {missing}. Install one; or let a model do it that you have a key for: "
            f"--agent-runtime llm:PROVIDER/MODEL; or use a team that needs none: "
            f"--team {FALLBACK_TEAM}"
        )


class ProgramsMissing(UserError):
    """Programs that agents are to be run by cannot be. Nothing was started."""

    def __init__(self, problems: tuple[tuple[str, str], ...]) -> None:
        super().__init__(problems)
        self.problems = problems
        """Names of agents, each with what is wrong with its program."""

    def __str__(self) -> str:
        return "\n".join(f"agent {agent}: {what}" for agent, what in self.problems)


class NoModel(UserError):
    """Live agents have no model that can be had. Nothing was started."""

    def __init__(self, problems: tuple[tuple[str, str], ...]) -> None:
        super().__init__(problems)
        self.problems = problems
        """Names of agents, each with what is wrong with its models."""

    def __str__(self) -> str:
        lines = [f"agent {name} has no model: {why}" for name, why in self.problems]
        return "\n".join([*lines, "Name one: --model PROVIDER/MODEL"])


class FilesInTheWay(UserError):
    """A plan cannot be made, and files that it may need have errors.

    Nothing was started.
    """

    def __init__(self, error: ResourceError, problems: tuple[Problem, ...]) -> None:
        super().__init__(error, problems)
        self.error = error
        self.problems = problems

    def __str__(self) -> str:
        lines = [str(self.error), "Files with errors are not used:"]
        return "\n".join([*lines, *(f"  {problem}" for problem in self.problems)])
