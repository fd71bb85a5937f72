# One way from a request to a plan that may be run, for the command line and for
# programs alike: the settings of all layers, the resources, the consent of the user.
"""Plan a run, and see to it that its user agrees."""

from collections.abc import Collection, Mapping

import attrs

from crew_actors.config import Settings
from crew_actors.model import RunPlan
from crew_actors.places import Places, Project
from crew_actors.resources import (
    Executable,
    NotTrusted,
    TrustStore,
    find_consent,
    load_catalog,
)
from crew_actors.runs._prepare import RunRequest, prepare


@attrs.frozen(kw_only=True)
class Planned:
    """A plan, and what is to be known before it is run."""

    plan: RunPlan
    note: str | None
    """One line for the person, if something was decided for them."""

    missing: tuple[Executable, ...]
    """What it would execute and its user has not agreed to."""


def plan_run(
    request: RunRequest,
    *,
    settings: Settings,
    project: Project,
    places: Places,
    environ: Mapping[str, str],
    functions: Collection[str] = (),
) -> Planned:
    """Plan what *request* asks for. Starts and writes nothing; blocks on the disk.

    *settings* are those that `RunRequest.flags` have gone into.

    Raises:
      UserError: as `prepare` does.
      TrustStoreDamaged: the user's record of agreements cannot be understood.
      OSError: it cannot be read.
    """
    catalog = load_catalog(places, project)
    prepared = prepare(
        catalog,
        request,
        settings=settings,
        workspace=project.root,
        environ=environ,
        functions=functions,
    )
    run_here = (one for one in prepared.everything if one.agent not in functions)
    consent = find_consent(catalog, run_here, project, places)
    return Planned(plan=prepared.plan, note=prepared.note, missing=consent.missing)


def settle_consent(
    planned: Planned, project: Project, places: Places, *, trust: bool
) -> None:
    """See to it that the user agrees to what is executed; with *trust* they do now.

    Blocks on the disk.

    Raises:
      NotTrusted: they have not agreed to all of it.
      TrustStoreDamaged: their record cannot be understood.
      OSError: it cannot be written.
    """
    if planned.missing and not trust:
        raise NotTrusted(planned.plan.team, planned.missing)
    if planned.missing:
        TrustStore(places).grant(project, planned.missing)
