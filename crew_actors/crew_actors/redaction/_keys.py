# Which names hold secrets.
#
# 1. A name is cut into segments at `_`, `-`, `.`, spaces and humps. Only a whole
#    segment counts: `secretary` is no `secret`, and `tokens` is a number of them.
# 2. What is said *about* a secret is none: `token_count`, `password_file`.
"""Names of secrets."""

import re
from functools import lru_cache
from typing import Final, Literal

KeyKind = Literal["token", "number", "header", "other"]
"""What may be harmless under the name: `token` numbers, for they count tokens;
`number` likewise, for it is a plural; `header` has a scheme before the secret."""

NAME_LIMIT: Final = 64
"""Characters before and after the word that tells, within one name."""

_SEGMENT = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", re.ASCII)
_SINGLE: Final = frozenset(
    [
        "token",
        "secret",
        "password",
        "passwd",
        "passphrase",
        "credential",
        "apikey",
        "apitoken",
        "authtoken",
        "accesstoken",
        "refreshtoken",
        "accesskey",
        "privatekey",
        "secretkey",
    ]
)
_PLURAL: Final = frozenset(["secrets", "passwords", "passphrases", "credentials"])
_ENDS: Final = ("password", "passwd", "passphrase")
_BEFORE_KEY: Final = frozenset(
    ["api", "private", "access", "secret", "auth", "signing", "encryption", "account"]
)
_ABOUT: Final = frozenset(
    [
        "count",
        "counts",
        "limit",
        "limits",
        "budget",
        "usage",
        "type",
        "kind",
        "name",
        "names",
        "url",
        "uri",
        "endpoint",
        "path",
        "file",
        "files",
        "dir",
        "length",
        "len",
        "size",
        "ttl",
        "expiry",
        "expires",
        "policy",
        "prompt",
        "label",
        "field",
        "hint",
        "sha256",
    ]
)
_ABOUT_TOKENS: Final = frozenset(
    ["hash", "id", "ids", "ratio", "rate", "cost", "price", "used"]
)
_NO_TOKENS: Final = frozenset(["eos", "bos", "pad", "unk", "special", "stop"])


def is_secret_name(name: str) -> bool:
    """Tell whether what goes by *name* is a secret."""
    return key_kind(name) is not None


@lru_cache(maxsize=1024)
def key_kind(name: str) -> KeyKind | None:
    """Tell what kind of secret goes by *name*; None if it is none."""
    if len(name) > 3 * NAME_LIMIT:
        return None
    segments = [one.lower() for one in _SEGMENT.findall(name)]
    if not segments:
        return None
    if segments[-1] in {"authorization", "authorisation"}:
        return "header"
    kinds: list[KeyKind | None] = [
        _kind(segments, at, name) for at in range(len(segments))
    ]
    told: list[KeyKind] = [kind for kind in kinds if kind is not None]
    found = told[0] if told else None
    if kinds[-1] is None and segments[-1] in _ABOUT:
        return None
    if found == "token" and (
        segments[-1] in _ABOUT_TOKENS or segments[0] in _NO_TOKENS
    ):
        return None
    return found


def _kind(segments: list[str], at: int, name: str) -> KeyKind | None:
    word = segments[at]
    last = at == len(segments) - 1
    if word in _PLURAL:
        return "number"
    if word == "token":
        return "token"
    if word in _SINGLE or word.endswith(_ENDS):
        return "other"
    if word == "key" and at and segments[at - 1] in _BEFORE_KEY:
        return "other"
    if word == "pwd" and last and at and "cwd" not in segments:
        return "other"
    # DB_PASS is one, first_pass is not
    return "other" if word == "pass" and last and at and name.isupper() else None
