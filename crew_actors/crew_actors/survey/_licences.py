# Licences, told from the names of files and their words. Pure.
"""Under which terms the repository stands."""

import re

_FILE = re.compile(
    r"(?i)(?:un)?licen[cs]e(?:[-_.].*)?|copying(?:[-_.].*)?|notice(?:\.\w+)?"
)
_SPDX = re.compile(r"SPDX-License-Identifier:[ \t]{0,9}([A-Za-z0-9.+() -]{1,100})")
_HEAD = 3000
_WORDS = (
    ("AGPL-3.0", "gnu affero general public license version 3"),
    ("LGPL-3.0", "gnu lesser general public license version 3"),
    ("LGPL-2.1", "gnu lesser general public license version 2.1"),
    ("GPL-3.0", "gnu general public license version 3"),
    ("GPL-2.0", "gnu general public license version 2"),
    ("Apache-2.0", "apache license version 2.0"),
    ("MPL-2.0", "mozilla public license version 2.0"),
    ("BSL-1.0", "boost software license"),
    ("EPL-2.0", "eclipse public license - v 2.0"),
    ("PSF-2.0", "python software foundation license"),
    ("CC0-1.0", "cc0 1.0 universal"),
    ("Unlicense", "this is free and unencumbered software"),
    ("BUSL-1.1", "business source license 1.1"),
    ("ISC", "permission to use, copy, modify, and/or distribute this software"),
    ("MIT", "permission is hereby granted, free of charge"),
)
_BSD = "redistribution and use in source and binary forms"


def is_licence_file(name: str) -> bool:
    """Tell whether a file called *name* holds a licence."""
    return bool(_FILE.fullmatch(name)) and not name.lower().endswith(
        (".py", ".js", ".go", ".rs", ".ts")
    )


def licence_of(text: str) -> str:
    """Return the SPDX name of the licence whose text this is, or `unknown`."""
    words = " ".join(text.split()).lower().replace(",", "")
    head = words[:_HEAD]
    for name, phrase in _WORDS:
        if phrase.replace(",", "") in head:
            return name
    if _BSD in head or _BSD in words:
        return (
            "BSD-3-Clause"
            if "neither the name" in words or "names of its contributors" in words
            else "BSD-2-Clause"
        )
    return "dual or several" if " mit " in head and "apache" in head else "unknown"


def spdx_names(text: str) -> list[str]:
    """Return the SPDX identifiers in the head of a source file."""
    if "SPDX-License-Identifier" not in text[:_HEAD]:
        return []
    return [name.strip(" -*()") for name in _SPDX.findall(text[:_HEAD])]
