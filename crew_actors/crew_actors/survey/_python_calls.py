# Risky calls in Python. Pure.
#
# The syntax tree decides: a word in a comment or in a string is no call. A call whose
# first argument is written out is one step less severe: nobody else wrote it.
"""Calls that run, load or trust what somebody else may have written."""

import ast
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from crew_actors.survey._python_imports import parse
from crew_actors.survey._risks import Advice, Risk, lowered
from crew_actors.survey._text import LineNumbers, places

_WORDS = (
    "eval(", "exec(", "shell", "pickle.", "yaml.load", "os.system", "os.popen",
    "mktemp", "verify", "_create_unverified_context", "marshal.", "dill.",
)  # fmt: skip
_MAYBE = re.compile(
    r"(?<![\w.])(?:eval|exec)\(|\bos\.(?:system|popen)\(|\byaml\.load\(|\bmktemp\("
    r"|\b(?:pickle|cloudpickle|dill|marshal)\.(?:loads?|Unpickler)\("
    r"|\bshell\s{0,3}=\s{0,3}True|\bverify\s{0,3}=\s{0,3}False"
    r"|_create_unverified_context\("
)
_AROUND = 40
_CODE = Advice(
    "medium",
    "eval",
    "runs text as code",
    "use ast.literal_eval, or a table of functions",
)
_EXEC = Advice(
    "medium", "exec", "runs text as code", "import it, or say who writes the text"
)
_SHELL = Advice(
    "medium",
    "shell command",
    "the text goes through a shell",
    "pass a list to subprocess.run, without shell=True",
)
_PICKLE = Advice(
    "medium",
    "unpickling",
    "loading bytes of a stranger runs the stranger's code",
    "use JSON, or load only what you wrote yourself",
)
_YAML = Advice(
    "medium",
    "unsafe YAML",
    "a document can build any Python object",
    "use yaml.safe_load",
)
_MKTEMP = Advice(
    "low",
    "race on a temporary file",
    "another process can take the name first",
    "use tempfile.mkstemp",
)
TLS = Advice(
    "medium",
    "TLS check off",
    "whoever is in between can read and change the traffic",
    "keep the check on; trust your own authority by its certificate",
)
_CALLS = {
    "eval": _CODE,
    "exec": _EXEC,
    "os.system": _SHELL,
    "os.popen": _SHELL,
    "tempfile.mktemp": _MKTEMP,
    "ssl._create_unverified_context": TLS,
    "pickle.load": _PICKLE,
    "pickle.loads": _PICKLE,
    "pickle.Unpickler": _PICKLE,
    "cloudpickle.loads": _PICKLE,
    "dill.loads": _PICKLE,
    "marshal.loads": _PICKLE,
}
_SAFE_LOADERS = frozenset({"SafeLoader", "CSafeLoader", "BaseLoader", "CBaseLoader"})
_SAVES = frozenset({"pickle.dumps", "cloudpickle.dumps", "marshal.dumps"})


def risky_calls(path: str, text: str) -> Iterator[Risk]:
    """Yield the risky calls of the Python file *path*."""
    numbers = LineNumbers(text)
    lines = sorted(
        numbers.at(at)
        for word in _WORDS
        for at in places(text, word)
        if _MAYBE.search(text, max(0, at - _AROUND), at + _AROUND)
    )
    tree = parse(text) if lines else None
    if tree is None:
        return
    for node in _calls_around(tree, lines):
        advice = _advice(node)
        if advice is not None:
            severity = advice.severity
            if node.args and isinstance(node.args[0], ast.Constant):
                severity = lowered(severity)
            yield advice.at(path, node.lineno, severity)


def _calls_around(tree: ast.Module, lines: list[int]) -> Iterator[ast.Call]:
    """Yield the calls that span one of *lines* (sorted), in the order of the source."""
    work: list[ast.AST] = [tree]
    while work:
        node = work.pop()
        start, end = getattr(node, "lineno", 0), getattr(node, "end_lineno", None)
        if end is not None and bisect_left(lines, start) == bisect_right(lines, end):
            continue
        if isinstance(node, ast.Call):
            yield node
        work += reversed(list(ast.iter_child_nodes(node)))


def _advice(node: ast.Call) -> Advice | None:
    name = _name(node.func)
    keywords = {keyword.arg: keyword.value for keyword in node.keywords}
    if name in _CALLS:
        first = node.args[0] if node.args else None
        copied = isinstance(first, ast.Call) and _name(first.func) in _SAVES
        return None if copied else _CALLS[name]
    if name == "yaml.load":
        second = node.args[1] if len(node.args) > 1 else None
        loader = keywords.get("Loader", second)
        safe = loader is not None and _name(loader).rpartition(".")[2] in _SAFE_LOADERS
        return None if safe else _YAML
    if _is(keywords.get("shell"), truth=True):
        return _SHELL
    return TLS if _is(keywords.get("verify"), truth=False) else None


def _is(node: ast.expr | None, *, truth: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is truth


def _name(node: ast.expr) -> str:
    """Return `a.b.c` of a name or an attribute of names, else ""."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join(reversed([*parts, node.id]))
