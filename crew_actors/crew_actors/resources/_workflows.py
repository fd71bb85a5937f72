"""One workflow from one markdown file."""

from collections.abc import Sequence
from typing import Final

from crew_actors.resources._files import SourceFile, name_and_description
from crew_actors.resources._frontmatter import read_fields, split_document
from crew_actors.resources._problems import Findings
from crew_actors.resources._reader import Reader
from crew_actors.resources._resources import Step, Tier, Workflow
from crew_actors.resources._sections import Section, split_sections
from crew_actors.resources._teams import MAX_CONCURRENCY

_MAX_STEPS: Final = 1000
_USED_KEYS: Final = (
    "role",
    "dependsOn",
    "output",
    "outputSchema",
    "reads",
    "writes",
    "model",
    "skills",
    "constraints",
    "acceptance",
    "verify",
    "task",
)
# Keys that are read and shown, but that no runtime obeys.
_UNHEEDED_KEYS: Final = ("reads", "verify")
_IDLE_KEYS: Final = {"parallelGroup": "", "progress": "", "worktree": "false"}
KNOWN_KEYS: Final = frozenset((*_USED_KEYS, *_IDLE_KEYS))


def parse_workflow(file: SourceFile, findings: Findings) -> Workflow:
    """Read a workflow. What is wrong goes into *findings*. Never raises."""
    document = split_document(file.text, findings)
    reader = Reader(document.fields, findings, line=1)
    name, description = name_and_description(file, reader)
    return Workflow(
        name=name,
        description=description,
        steps=_steps(document.body, document.body_line, findings, file.source.tier),
        max_concurrency=reader.integer("maxConcurrency", MAX_CONCURRENCY),
        unused=reader.rest({}),
        source=file.source,
    )


def _steps(
    body: Sequence[str], first: int, findings: Findings, tier: Tier
) -> tuple[Step, ...]:
    sections = split_sections(body, KNOWN_KEYS)
    if sections.open_fence is not None:
        message = "this code fence has no end; steps below it would not be seen"
        findings.error(first + sections.open_fence, "", message)
    for row in sections.ignored:
        message = "this heading is no step: none of a step's keys follows it"
        findings.warning(first + row, "", message)
    if len(sections.steps) > _MAX_STEPS:
        findings.error(None, "", f"has more than {_MAX_STEPS} steps")
        return ()
    return tuple(
        _step(body, section, first, findings, tier) for section in sections.steps
    )


def _step(
    body: Sequence[str], section: Section, first: int, findings: Findings, tier: Tier
) -> Step:
    line = first + section.heading
    start, end = section.keys
    fields = read_fields(body[start:end], first + start, findings)
    reader = Reader(fields, findings, line)
    task = reader.text("task")
    if task and section.prompt:
        reader.warning("task", "has no effect; the text below the keys is used")
    step = Step(
        id=section.title,
        role=reader.word("role") or section.title,
        depends_on=reader.names("dependsOn") or (),
        output=reader.word("output", "false"),
        output_schema=reader.schema("outputSchema"),
        reads=reader.names("reads") or (),
        writes=reader.names("writes") or (),
        model=reader.word("model", "false"),
        skills=reader.names("skills"),
        constraints=reader.names("constraints") or (),
        acceptance=reader.names("acceptance") or (),
        verify=reader.flag("verify") or False,
        prompt=section.prompt or task or "{goal}",
        unused=reader.rest(_IDLE_KEYS),
        line=line,
    )
    if tier != "builtin":
        reader.unheeded(_UNHEEDED_KEYS)
    return step
