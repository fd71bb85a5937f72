# What a path says about the file, without opening it. Pure.
"""Kinds of files, told from their paths."""

import re

_TEST_FOLDER = re.compile(
    r"_{0,2}tests?_{0,2}|tests?[-_].*|.*[-_]tests?|specs?|e2e|testdata"
)
_TEST_NAME = re.compile(
    r"(?:test_.*|.*_tests?|conftest|tests?)\.pyi?|.*[._-](?:test|spec|cy)\.[cm]?[jt]sx?"
    r"|.*_test\.(?:go|rs|exs?|cc|cpp|c|dart)|.*_spec\.rb|test_.*\.(?:rb|c|cc|cpp|exs)"
    r"|.*(?:Tests?|IT|Spec)\.(?:java|kt|scala|cs|groovy|swift)|.*Test\.php|.*\.bats|.*\.t"
)
_SAMPLE_FOLDERS = frozenset(
    {
        "example",
        "examples",
        "sample",
        "samples",
        "demo",
        "demos",
        "fixture",
        "fixtures",
        "mocks",
    }
)
_DOC_FOLDERS = frozenset({"doc", "docs", "documentation", "changelogs", "news"})
_DOC_ENDS = (".md", ".rst", ".txt", ".adoc", ".mdx", ".org", ".po", ".ipynb")
_FOREIGN_FOLDERS = frozenset(
    {
        "vendor",
        "vendored",
        "_vendor",
        "third_party",
        "third-party",
        "thirdparty",  # codespell:ignore thirdparty
        "external",
        "node_modules",
        "bower_components",
    }
)
_BUILT_FOLDER = re.compile(
    r"__pycache__|node_modules|bower_components|\.(?:pytest|mypy|ruff)_cache|\.tox|\.nox"
    r"|\.eggs|.*\.egg-info"
)
_BUILT_NAME = re.compile(
    r".*\.(?:py[co]|class|o|obj)|\.ds_store|thumbs\.db|desktop\.ini"
)
_DISTRIBUTED = re.compile(r".*\.(?:[cm]?js|css|map|d\.[cm]?ts|whl|gz|tgz|zip|jar|exe)")
_GENERATED = re.compile(
    r".*(?:\.min\.(?:js|css|mjs)|\.bundle\.js|\.map|_pb2(?:_grpc)?\.pyi?|\.pb\.go|\.g\.dart|\.generated\.\w+)"
)


def file_name(path: str) -> str:
    """Return the last part of *path*."""
    return path.rpartition("/")[2]


def folder_of(path: str) -> str:
    """Return the folder of *path*; "" for the root."""
    return path.rpartition("/")[0]


def suffix_of(path: str) -> str:
    """Return the extension of *path*, lower case, with its dot; "" without one."""
    name = file_name(path)
    dot = name.rfind(".")
    return name[dot:].lower() if dot > 0 else ""


def _folders(path: str) -> list[str]:
    return path.lower().split("/")[:-1]


def is_test(path: str) -> bool:
    """Tell whether *path* is a test, or lies among tests."""
    return bool(_TEST_NAME.fullmatch(file_name(path))) or any(
        map(_TEST_FOLDER.fullmatch, _folders(path))
    )


def is_test_file(path: str) -> bool:
    """Tell whether *path* is named as a file of tests, not as a helper of them."""
    return (
        bool(_TEST_NAME.fullmatch(file_name(path))) and file_name(path) != "conftest.py"
    )


def is_document(path: str) -> bool:
    """Tell whether *path* is prose."""
    return path.lower().endswith(_DOC_ENDS) or not _DOC_FOLDERS.isdisjoint(
        _folders(path)
    )


def is_sample(path: str) -> bool:
    """Tell whether *path* is a test, a document or an example: not the product."""
    return (
        is_test(path)
        or is_document(path)
        or not _SAMPLE_FOLDERS.isdisjoint(_folders(path))
    )


def is_foreign(path: str) -> bool:
    """Tell whether *path* was written elsewhere: vendored, built or generated."""
    return (
        not _FOREIGN_FOLDERS.isdisjoint(_folders(path))
        or bool(_GENERATED.fullmatch(file_name(path)))
        or is_built(path)
    )


def is_built(path: str) -> bool:
    """Tell whether tools make *path* and nobody would commit it on purpose.

    A folder `dist` counts at the top, and elsewhere for what is only made by tools:
    it may also be the name of a package.
    """
    folders, name = _folders(path), file_name(path).lower()
    if any(map(_BUILT_FOLDER.fullmatch, folders)) or _BUILT_NAME.fullmatch(name):
        return True
    return "dist" in folders and (
        folders[0] == "dist" or bool(_DISTRIBUTED.fullmatch(name))
    )
