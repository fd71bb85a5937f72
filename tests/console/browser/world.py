"""Runs that are worth looking at: lively ones, asking ones, failing ones, hostile ones."""

import sys
from pathlib import Path

import attrs
import trio
from tests.support.plans import plan, task

from crew_actors.model import (
    CommandSpec,
    Failure,
    FailureKind,
    Limits,
    PlannedTask,
    RetryPolicy,
    RunPlan,
    TaskId,
    Usage,
)
from crew_actors.runtimes import (
    AgentFunction,
    Completed,
    Failed,
    Job,
    Outcome,
    Port,
)

NASTY = '<img src=x onerror="window.hurt=1"><script>window.hurt=1</script>'
"""What would be felt if it were taken for markup."""

HIDING = "safe\u202egnp.exe\u0007\x1b[31m\u200b"
"""Characters that turn text around, or cannot be seen."""

_WRITER = """
import sys, time
for number in range(int(sys.argv[1])):
    print(f"\\x1b[32mline\\x1b[0m {number}: reading src/module_{number % 40}.py", flush=True)
    if sys.argv[3] == "nasty" and number % 25 == 0:
        print("<img src=x onerror='window.hurt=1'> \\u202edecafnu\\x1b]0;title\\x07 ok", flush=True)
        print(f"warning {number}: a slow file", file=sys.stderr, flush=True)
    time.sleep(float(sys.argv[2]))
"""


def writer(
    name: str, *needs: str, lines: int, pause: float, manners: str = "nasty"
) -> PlannedTask:
    """Plan a task whose agent is a program that writes lines."""
    argv = (sys.executable, "-c", _WRITER, str(lines), str(pause), manners)
    spec = CommandSpec(argv=argv, control="none")
    return attrs.evolve(task(name, *needs, role="writer"), agent="writer", command=spec)


async def busy(job: Job, port: Port) -> Outcome:
    """Tell something ten times a second, until cancelled."""
    number = 0
    while True:
        number += 1
        await port.progress(f"looks at src/part_{number % 97}.py, step {number}")
        await port.usage(Usage(input=120, output=35, cost=0.0007))
        port.beat()
        await trio.sleep(0.1)


async def short(job: Job, port: Port) -> Outcome:
    """Tell something, and complete soon."""
    for number in range(10):
        await port.progress(f"step {number + 1} of 10")
        await port.usage(Usage(input=900, output=210, cost=0.004))
        await trio.sleep(0.15)
    return Completed(text=f"# What {job.task.id} found\n\n- nothing of `note`\n")


async def asker(job: Job, port: Port) -> Outcome:
    """Ask, and complete with the answer."""
    answer = await port.ask(
        "Which database shall I use?", choices=("postgres", "sqlite")
    )
    more = await port.ask("And what shall its name be?")
    return Completed(text=f"{answer} called {more}")


async def careful(job: Job, port: Port) -> Outcome:
    """Ask for leave, as agent programs do."""
    choices = ("allow", "deny")
    answer = await port.ask("shell: rm -r build", choices=choices, permission=True)
    return Completed(text=f"It was {answer}.")


async def listener(job: Job, port: Port) -> Outcome:
    """Take messages until one says that it is enough."""
    await port.progress("listens")
    while True:
        message = await port.next_message()
        await port.progress(f"was told: {message.text}")
        await port.settle_message(message.id, "delivered")
        if message.text == "enough":
            return Completed(text="I was told enough.")


async def failing(job: Job, port: Port) -> Outcome:
    """Fail."""
    await port.progress("tries")
    failure = Failure(
        kind=FailureKind.EXIT, message="exit code 3: no such module 'spam'"
    )
    return Failed(failure=failure)


async def second_time(job: Job, port: Port) -> Outcome:
    """Fail at the first attempt, complete at the second."""
    if str(job.attempt).endswith(".1"):
        return await failing(job, port)
    return await short(job, port)


async def nasty(job: Job, port: Port) -> Outcome:
    """Say what would hurt a page that took it for markup."""
    await port.progress(f"{NASTY} {HIDING}")
    answer = await port.ask(f"{NASTY} {HIDING}?", choices=(NASTY, HIDING))
    return Completed(text=f"# {NASTY}\n\n{answer} {HIDING} **{NASTY}** `{NASTY}`\n")


AGENTS: dict[str, AgentFunction] = {
    "busy": busy,
    "short": short,
    "asker": asker,
    "careful": careful,
    "listener": listener,
    "failing": failing,
    "second": second_time,
    "nasty": nasty,
}


def many(count: int) -> RunPlan:
    """Plan *count* busy agents side by side."""
    tasks = (task(f"agent-{number:03}", role="busy") for number in range(count))
    return _named(plan(*tasks, limit=count), "Read the whole repository, part by part")


def feature(manners: str = "nasty") -> RunPlan:
    """Plan a team with something of everything."""
    tasks = (
        task("explore-api", role="short"),
        task("explore-store", role="short"),
        writer("read-history", lines=100_000, pause=0.2, manners=manners),
        task("plan", "explore-api", "explore-store", role="second"),
        task("choose-database", "plan", role="asker"),
        task("backend", "plan", role="busy"),
        task("frontend", "plan", role="listener"),
        task("migrations", "choose-database", role="short"),
        task("flaky-tests", "explore-store", role="failing"),
        task("after-flaky", "flaky-tests", role="short"),
        task("review", "backend", "frontend", "migrations", role="short"),
        task("verify", "review", role="short"),
    )
    limits = Limits(attempts=2, run_seconds=7200, tokens=5_000_000)
    whole = plan(*tasks, limit=12, limits=limits)
    whole = attrs.evolve(whole, retry=RetryPolicy(first=0.2, jitter=0.0, cap=0.2))
    return _named(
        whole, "Let users sign in with a passkey, and move sessions to a table"
    )


def one(role: str, goal: str = "try it", name: str = "only") -> RunPlan:
    """Plan one task."""
    return _named(plan(task(name, role=role)), goal)


def approved() -> RunPlan:
    """Plan what somebody has to agree to."""
    tasks = (task("look", role="short"), task("change", "look", role="short"))
    return _named(attrs.evolve(plan(*tasks), approve=True), "Rename a public function")


def hostile() -> RunPlan:
    """Plan a run that is full of markup and of characters that hide."""
    nasty_task = attrs.evolve(
        task("nasty", role="nasty"), title=f"{NASTY}{HIDING}", id=TaskId("nasty")
    )
    output = writer("output", lines=30, pause=0.0)
    return attrs.evolve(plan(nasty_task, output), goal=f"{NASTY} {HIDING}", team="test")


def _named(made: RunPlan, goal: str) -> RunPlan:
    return attrs.evolve(made, goal=goal)


def project(folder: Path) -> Path:
    """Make a folder for a project."""
    place = folder / "project"
    place.mkdir(parents=True, exist_ok=True)
    return place
