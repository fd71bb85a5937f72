"""One agent from one markdown file."""

import json
import re
from collections.abc import Mapping
from typing import Final, get_args

from crew_actors.model import CommandSpec, Control, TaskInput, TaskOutput
from crew_actors.resources._files import SourceFile, name_and_description
from crew_actors.resources._foreign import is_planner, read_servers, read_tools
from crew_actors.resources._frontmatter import split_document
from crew_actors.resources._problems import Findings, nearest
from crew_actors.resources._reader import Reader
from crew_actors.resources._resources import Agent, MemoryScope, Tier

PLACEHOLDERS: Final = ("python", "task", "task_file", "workspace", "goal")

_PROGRAMS: Final = ("pi", "claude", "codex", "gemini", "opencode")
"""Agent programs that are known by name; a runtime of each."""

_RUNTIMES: Final = ("command", "external", "acp", "llm", *_PROGRAMS)
_INPUTS: Final[tuple[TaskInput, ...]] = get_args(TaskInput)
_OUTPUTS: Final[tuple[TaskOutput, ...]] = get_args(TaskOutput)
_CONTROLS: Final[tuple[Control, ...]] = get_args(Control)
COMMAND_KEYS: Final = (
    *("command", "input", "output", "env", "timeout", "silence", "control"),
)
_SCOPES: Final[tuple[MemoryScope, ...]] = get_args(MemoryScope)
_HOMES: Final = ("own", "user")
_MAX_TURNS: Final = 10_000
_WEEK: Final = 604_800.0  # seconds; a longer limit is a mistake

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# Keys that are read and shown, but that a command does not obey. Agent programs do, where
# they have a word for it.
UNHEEDED_KEYS: Final = (
    *("model", "fallbackModels", "tools", "disallowedTools", "maxTurns", "mcpServers"),
)

_UNHEEDED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "command": (*UNHEEDED_KEYS, "keys"),
    "external": (*UNHEEDED_KEYS, "keys", "home"),
    "llm": ("keys",),
}

# Keys of pi-crew and of Claude Code that mean nothing here, each with the value
# that asks for what happens anyway.
IDLE_KEYS: Final = {
    "thinking": "false",
    "extensions": "",
    "systemPromptMode": "replace",
    "inheritProjectContext": "true",
    "inheritSkills": "false",
    "loadMode": "",
    "defaultTools": "",
    "contextMode": "fresh",
    "triggers": "",
    "trigger": "",
    "useWhen": "",
    "avoidWhen": "",
    "cost": "",
    "category": "",
    "color": "",
    "permissionMode": "default",
    "hooks": "",
    "background": "false",
    "effort": "",
    "isolation": "",
    "initialPrompt": "",
}


def parse_agent(file: SourceFile, findings: Findings) -> tuple[Agent, bool]:
    """Read an agent, and whether it is switched on.

    What is wrong goes into *findings*; with an error there, the agent is not fit
    for use. Never raises.
    """
    document = split_document(file.text, findings)
    reader = Reader(document.fields, findings, line=1)
    name, description = name_and_description(file, reader)
    disabled = reader.flag("disabled") is True or reader.flag("enabled") is False
    runtime = reader.choice("runtime", _RUNTIMES)
    command = _command(reader, runtime)
    model = _model(reader)
    agent = Agent(
        name=name,
        description=description,
        runtime=runtime,
        command=command,
        prompt="\n".join(document.body).strip(),
        model=model,
        fallback_models=reader.names("fallbackModels") or (),
        tools=read_tools(reader),
        mcp=read_servers(reader),
        keys=_variables(reader, "keys"),
        own_home=reader.choice("home", _HOMES) == "own",
        read_only=is_planner(reader),
        skills=reader.names(reader.either("skills", "skill")),
        max_turns=reader.integer("maxTurns", _MAX_TURNS),
        memory=_memory(reader, file.source.tier),
        output_schema=reader.schema("outputSchema"),
        unused=reader.rest(_idle_keys(reader)),
        source=file.source,
    )
    if file.source.tier != "builtin":
        reader.unheeded(_UNHEEDED_BY.get(runtime or "", ()))
    return agent, not disabled


def _idle_keys(reader: Reader) -> Mapping[str, str]:
    """Tell which keys have no effect in a file, with the values that are no news."""
    if not is_planner(reader):
        return IDLE_KEYS
    return {key: no for key, no in IDLE_KEYS.items() if key != "permissionMode"}


def _memory(reader: Reader, tier: Tier) -> MemoryScope | None:
    if reader.text("memory") == "false":
        return None
    scope = reader.choice("memory", _SCOPES)
    if scope == "user" and tier == "project":
        message = "is for agents of the user; this one keeps notes in its project"
        reader.warning("memory", message, "local")
        return "local"
    return scope


def _model(reader: Reader) -> str | None:
    model = reader.word("model", "false", "inherit")
    if model is not None and " " in model:
        reader.warning("model", f"{model!r} is an unusual name for a model")
    return model


def _command(reader: Reader, runtime: str | None) -> CommandSpec | None:
    if runtime == "acp":
        return _acp_command(reader)
    if runtime != "command":
        for key in COMMAND_KEYS:
            if reader.is_set(key):
                reader.error(key, "needs 'runtime: command' beside it")
        return None
    argv = _argv(reader)
    asked = {name for part in argv for name in _PLACEHOLDER.findall(part)}
    return CommandSpec(
        argv=argv,
        input=_input(reader, asked),
        output=reader.choice("output", _OUTPUTS) or "text",
        env=_variables(reader, "env") or (),
        timeout=reader.seconds("timeout", _WEEK),
        silence=reader.seconds("silence", _WEEK),
        control=reader.choice("control", _CONTROLS) or "none",
    )


def _acp_command(reader: Reader) -> CommandSpec:
    """Read the command of an agent that speaks ACP: it is told its task there."""
    for key in ("input", "output", "control"):
        if reader.is_set(key):
            reader.error(key, "is settled by 'runtime: acp'")
    return CommandSpec(
        argv=_argv(reader),
        env=_variables(reader, "env") or (),
        timeout=reader.seconds("timeout", _WEEK),
        silence=reader.seconds("silence", _WEEK),
    )


def _argv(reader: Reader) -> tuple[str, ...]:
    argv = reader.items("command") or ()
    program = next(iter(argv), "")
    if not program:
        way_out = 'needs the program and its arguments: ["program", "argument"]'
        reader.error("command", way_out)
        return ()
    if not reader.is_list("command") and (len(argv) > 1 or " " in program):
        reader.error("command", f"is a list; write {_as_list(argv)}")
    for part in argv:
        for name in _PLACEHOLDER.findall(part):
            if name not in PLACEHOLDERS:
                message = f"{{{name}}} is no placeholder; there are: {_braced()}"
                near = nearest(name, PLACEHOLDERS)
                reader.error("command", message, f"{{{near}}}" if near else None)
    return argv


def _input(reader: Reader, asked: set[str]) -> TaskInput:
    guess: TaskInput = "none"
    if "task" in asked:
        guess = "argument"
    elif "task_file" in asked:
        guess = "file"
    way = reader.choice("input", _INPUTS) or guess
    for name, fitting in (("task", "argument"), ("task_file", "file")):
        if way == fitting and name not in asked:
            reader.error("input", f"{way} needs {{{name}}} in the command")
        if way != fitting and name in asked:
            message = f"{{{name}}} in the command needs 'input: {fitting}'"
            reader.error("input", message)
    return way


def _variables(reader: Reader, key: str) -> tuple[str, ...] | None:
    names = reader.names(key)
    for name in names or ():
        if not _VARIABLE.fullmatch(name):
            message = f"{name!r} cannot be the name of a variable; values have no place"
            reader.error(key, message)
    return names


def _as_list(parts: tuple[str, ...]) -> str:
    words = parts if len(parts) > 1 else " ".join(parts).split()
    return json.dumps(words, ensure_ascii=False)


def _braced() -> str:
    return " ".join(f"{{{name}}}" for name in PLACEHOLDERS)
