"""The files of the web page, as they are installed."""

import hashlib
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from crew_actors.console._http import Page

_KINDS: Final = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ico": "image/x-icon",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "mjs": "text/javascript; charset=utf-8",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "webmanifest": "application/manifest+json",
    "woff2": "font/woff2",
}
"""Media types by the ends of names. What has another one is no part of the page."""


def load_pages() -> dict[str, Page]:
    """Read the files of the page; return them by the paths under which they are shown."""
    pages: dict[str, Page] = {}
    root = files("crew_actors.console").joinpath("page")
    if root.is_dir():
        _collect(root, "/", pages)
    if "/index.html" in pages:
        pages["/"] = pages["/index.html"]
    return pages


def _collect(folder: Traversable, path: str, pages: dict[str, Page]) -> None:
    for one in folder.iterdir():
        if one.is_dir():
            _collect(one, f"{path}{one.name}/", pages)
            continue
        kind = _KINDS.get(one.name.rpartition(".")[2])
        if kind is not None:
            body = one.read_bytes()
            etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            pages[f"{path}{one.name}"] = Page(kind, etag, body)
