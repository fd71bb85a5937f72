# A scenario is a claim, a load and seeds. Round after round it puts the load on, each
# with a seed of its own, and looks whether the claim holds; the first round that
# breaks it is the last, and its seed is told.
#
#   values   load, series, checks     machine  what a process holds, who is left
#   book     what rounds find out     driver   rounds, and what they leave behind
#   round    one of them              refusal  what is no fault of the claim
#   table    the result in lines      picture  the result as SVG
#   cancel flood storm orphans killed_runs     the scenarios, on agents
#   runtime  what orphans kills       killed_child  what killed_runs kills
#   ground   where a run lives        lives    its owners, and their ends
#   people   those around it          kept     what is left of it
#   visitors                                   the scenario on a console
"""Stress scenarios for process agents: fake ones, or the user's own command."""

from crew_stress.scenarios.driver import (
    DEFAULTS as DEFAULTS,
    run_scenario as run_scenario,
)
from crew_stress.scenarios.picture import picture as picture
from crew_stress.scenarios.table import table as table
from crew_stress.scenarios.values import (
    Check as Check,
    Load as Load,
    Outcome as Outcome,
    Series as Series,
)
