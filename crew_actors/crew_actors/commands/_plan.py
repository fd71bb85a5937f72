"""`crew plan`: what a run would do."""

import attrs

from crew_actors.commands._graph import Preview, preview_text
from crew_actors.commands._run import RunParameters, run_team
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context


@attrs.frozen(kw_only=True)
class PlanParameters:
    """What to plan."""

    goal: str = attrs.field(metadata=told("what the team is to do", positional=True))
    team: str | None = attrs.field(
        default=None, metadata=told("the team that would do it, as in `crew run`")
    )
    workflow: str | None = attrs.field(
        default=None, metadata=told("the workflow to follow, instead of the team's own")
    )
    agent: str | None = attrs.field(
        default=None, metadata=told("one agent alone, in place of a team")
    )
    agent_runtime: str | None = attrs.field(
        default=None,
        metadata=told(
            "what runs agents that do not say it themselves: an agent program, "
            "`acp:PROGRAM`, or `llm:PROVIDER/MODEL` for live agents"
        ),
    )
    model: str | None = attrs.field(
        default=None,
        metadata=told("the model that all agents use, whatever their files say"),
    )
    limit: int | None = attrs.field(
        default=None, metadata=told("how many tasks may run at the same time", least=1)
    )


async def plan(parameters: PlanParameters, context: Context) -> Preview:
    """Tell the steps of a run and what each waits for. Starts and writes nothing.

    Raises:
      UserError: something is wrong with the request.
    """
    given = attrs.asdict(parameters)
    shown = await run_team(RunParameters(**given, dry_run=True), context)
    assert isinstance(shown, Preview)  # nothing else comes of a dry run
    return shown


ACTION = Action[PlanParameters, Preview](
    name="plan", parameters=PlanParameters, handler=plan, text=preview_text
)
