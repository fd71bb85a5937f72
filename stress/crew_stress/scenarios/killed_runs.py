# A run is owned by `crew run`, or by a detached runner, which is killed at a random
# moment: while it starts, or while its agents work. It is taken up and killed again,
# some times over, and taken up once more to come to its end. What anybody was told or
# granted by then was acknowledged. Who looks at the run is another process, as in life.
"""A run that is killed loses nothing that it has told, and does nothing twice."""

import json
from random import Random
from typing import Final

import attrs
import trio

from crew_actors.census import sweep_orphans
from crew_actors.journal import RunFolder, effective_status
from crew_actors.model import RunStatus
from crew_stress.scenarios.agents import pids_in
from crew_stress.scenarios.ground import Ground, ground_of
from crew_stress.scenarios.kept import check_told, check_work, numbers_of
from crew_stress.scenarios.lives import Life, live
from crew_stress.scenarios.machine import handles, wait_gone
from crew_stress.scenarios.people import People, Told
from crew_stress.scenarios.round import Round

CLAIM: Final = (
    "a run that is killed at any moment keeps all that it has told or granted, in a "
    "journal without a gap; taken up, it comes to its end and does nothing twice; no "
    "agent lives on"
)
KILLS: Final = 6
"""How often a run is killed at most; with the user's own command, once."""
EARLY: Final = 0.25
"""Of the owners are killed while they start;"""
START: Final = 1.6
"""within so many seconds. The others are killed"""
WORK: Final = 2.0
"""seconds after their first event, or earlier."""
DETACHED: Final = 0.4
"""Of the owners are runners in the background."""
AT_ONCE: Final = 0.5
"""Of the runs are taken up before their agents can be gone."""
PATIENCE: Final = 10.0
"""Seconds for the wardens to end their trees."""
TAKE_UP: Final = "resume"
"""What `crew` is to do with the run that it finds."""


async def play(one: Round) -> None:
    """Play one round."""
    with ground_of(one) as ground:
        told = Told()
        people = People(ground, Random(one.seed), told)
        goal = ("run", "Live.", "--team", "crowd", "--limit", str(one.load.agents))
        args: tuple[str, ...] = (*goal, "--attempts", "2")
        kills = 1 if one.load.command else one.chance.randint(1, KILLS)
        while kills:
            kills -= 1
            await _own(one, ground, people, _life(one.chance, args))
            folder = _found(one, ground)
            if folder is None or not _is_interrupted(one, folder):
                break
            if one.load.command or one.chance.random() > AT_ONCE:
                await _wait_gone(one)
                await people.answer_late(folder)
            args = (TAKE_UP, folder.run)
            if not kills:
                await _own(one, ground, people, _last(one, args))
        await _wait_gone(one)
        await sweep_orphans(ground.records)
        _examine(one, ground, told)


def _life(chance: Random, args: tuple[str, ...]) -> Life:
    early = chance.random() < EARLY
    return Life(
        args=args,
        detached=chance.random() < DETACHED,
        early=early,
        moment=chance.uniform(0, START if early else WORK),
    )


def _last(one: Round, args: tuple[str, ...]) -> Life:
    """Let the run come to its end; nobody knows how long the user's command takes."""
    life = _life(one.chance, args)
    if one.load.command:
        return attrs.evolve(life, detached=False, early=False, how="stop")
    return attrs.evolve(life, early=False, how="none")


async def _own(one: Round, ground: Ground, people: People, life: Life) -> None:
    """Have the run owned, with people around, until the owner is killed or ends."""
    async with trio.open_nursery() as nursery:
        if not one.load.command:
            nursery.start_soon(people.act)
        lived = await live(life, ground, people.told)
        nursery.cancel_scope.cancel()
    if lived.killed:
        one.book.note("until its owner was killed", [lived.took * 1e3])
    if lived.problem:
        one.book.fail(lived.problem)


def _found(one: Round, ground: Ground) -> RunFolder | None:
    """Return the run, if there is one: its owner may have died before."""
    folders = ground.runs()
    one.book.require("runs too many", len(folders), 1)
    return next((each for each in folders if numbers_of(one.book, each)), None)


def _is_interrupted(one: Round, folder: RunFolder) -> bool:
    """Tell whether there is something to be taken up."""
    status = effective_status(folder)
    wrong = not status.ended and status is not RunStatus.INTERRUPTED
    one.book.require("runs not called interrupted", int(wrong), 0)
    return not status.ended


async def _wait_gone(one: Round) -> None:
    took, left = await wait_gone(one.token, PATIENCE)
    one.book.note("until the wardens were done", [took])
    one.book.require("processes that a warden has left", left, 0)


def _examine(one: Round, ground: Ground, told: Told) -> None:
    folder = _found(one, ground)
    if folder is None:
        one.book.require("events told and lost", len(told.events), 0)
        return
    check_told(one.book, folder, told)
    check_work(one.book, folder, ground.marks)
    if not one.load.command:
        for event in map(json.loads, told.events):
            text = str(event.get("text", ""))
            if text.startswith('{"type": "ready"'):
                one.told += handles(pids_in(text))
