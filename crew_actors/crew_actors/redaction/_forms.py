# What starts a secret in a text. Each form is found by a short fixed beginning; what
# follows is looked at from there.
#
# 1. Every pattern that is tried at a place is bounded, or possessive and used only on
#    what is taken for a secret. So the work is linear in the text, whatever it holds.
# 2. None of them crosses the end of a line; only a private key block does.
"""Patterns of secrets."""

import re
from itertools import chain
from typing import Final

_FLAGS: Final = re.ASCII

# Tokens that are known by their beginning: enough of each to be sure.
_SHAPES: Final = (
    r"sk-(?=[A-Za-z_-]{0,64}[0-9])[A-Za-z0-9_-]{16}"
    r"|(?:[sr]k_(?:live|test)_|whsec_)[A-Za-z0-9]{12}"
    r"|gh[opusr]_[A-Za-z0-9]{16}|github_pat_[A-Za-z0-9_]{16}|glpat-[A-Za-z0-9_-]{16}"
    r"|A[KS]IA[A-Z0-9]{16}(?![A-Z0-9])"
    r"|xox[a-z]-[A-Za-z0-9-]{8}|xapp-[A-Za-z0-9-]{8}"
    r"|AIza[A-Za-z0-9_-]{30}|ya29\.[A-Za-z0-9_-]{16}"
    r"|npm_[A-Za-z0-9]{30}|pypi-AgE[A-Za-z0-9_-]{30}|hf_[A-Za-z0-9]{30}"
    r"|SG\.[A-Za-z0-9_-]{16}"
    r"|eyJ[A-Za-z0-9_-]{8,1024}\.[A-Za-z0-9_-]{4}"
)
_BEFORE_KEY: Final = "|".join(
    f"(?<={word})|(?<={word}[_ .-])"
    for word in [
        "api",
        "private",
        "access",
        "secret",
        "auth",
        "signing",
        "encryption",
        "account",
    ]
)
BEGINNING: Final = re.compile(
    r"(?P<pem>-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----)"
    rf"|(?P<shape>(?<![A-Za-z0-9_-])(?:{_SHAPES}))"
    r"|(?P<url>(?<=[A-Za-z0-9])://)"
    r"|(?P<key>(?i:token|secret|pass(?:w(?:or)?d|phrase)|(?<=_)pass|credential|pwd"
    rf"|authori[sz]ation|(?:{_BEFORE_KEY})key))"
    r"|(?P<bearer>(?<![A-Za-z0-9_])(?i:bearer)(?=[ \t]))",
    _FLAGS,
)
"""The beginning of each secret. It stands at one of `places`."""

_FIXED: Final = {
    "": (
        *("://", "token", "secret", "pass", "credential", "authori", "pwd", "key"),
        *("bearer", "akia", "asia", "xox", "aiza", "ya29.", "sg.", "eyj"),
    ),
    "-": ("-----begin ", "sk-", "glpat-", "xapp-", "pypi-age"),
    "_": (
        *("sk_", "rk_", "whsec_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
        *("github_pat_", "npm_", "hf_"),
    ),
}
"""One of these, in lower case, stands where each of the beginnings starts.

By a character that they hold: where it is not, they need not be looked for.
"""

SHAPE_REST: Final = re.compile(r"[A-Za-z0-9_.~+/=-]*+", _FLAGS)

# A user's name and a password in a URL, or a long token alone.
URL_SECRET: Final = re.compile(
    r"(?:[^\s/:@\"'<>?#]{0,256}:(?P<password>[^\s/@\"'<>]{1,1024})"
    r"|(?P<token>[^\s/:@\"'<>?#]{16,512}))@",
    _FLAGS,
)

BEARER_GAP: Final = re.compile(r"[ \t]{1,8}", _FLAGS)
BEARER_REST: Final = re.compile(r"[A-Za-z0-9._~+/=%-]*+", _FLAGS)
BEARER_LEAST: Final = 8  # characters of a token

NAME_CHARACTERS: Final = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
)
NAME_REST: Final = re.compile(r"[A-Za-z0-9_.-]{0,64}+(?![A-Za-z0-9_.-])", _FLAGS)

# From the end of a name to its value. The name may be quoted, and an index.
SEPARATOR: Final = re.compile(
    r"(?P<close>\\{0,4}[\"'`])?\]?[ \t]{0,8}"
    r"(?:=>|:=|=(?!=)|:(?!:|//))[ \t]{0,8}",
    _FLAGS,
)
TAG_SEPARATOR: Final = re.compile(r">(?=[^<\s])", _FLAGS)
OPTION_SEPARATOR: Final = re.compile(r"[ \t]{1,8}(?![-\s])|[\"'],[ \t]{0,4}", _FLAGS)

QUOTE: Final = re.compile(
    r"(?:[bBrRuUfF]{1,2}(?=[\"']))?(?P<slashes>\\{0,4})(?P<quote>\"\"\"|'''|[\"'`])",
    _FLAGS,
)
BARE: Final = re.compile(r"[^\s\"'`&;<>\\]*+", _FLAGS)
SCALAR: Final = re.compile(r"[A-Za-z0-9_.+-]*+", _FLAGS)
LIST: Final = re.compile(
    r"\[[ \t]{0,8}(?P<items>(?=(?P<quote>\\{0,4}[\"']))"
    r"(?:\\{0,4}[\"'][^\"'\\\n]{0,200}+\\{0,4}[\"'][ \t]{0,4},?[ \t]{0,4}){1,16}+)\]",
    _FLAGS,
)
"""Up to 16 texts of up to 200 characters."""
LINE: Final = re.compile(r"[^\n\r]*+", _FLAGS)
_BEFORE_QUOTE: Final = {
    quote: re.compile(rf"(?:[^{quote}\\\n]|\\[^\n])*+", _FLAGS) for quote in "\"'`"
}
_BEFORE_ESCAPED: Final = {
    quote: re.compile(rf"[^{quote}\\\n]*+", _FLAGS) for quote in "\"'`"
}
SCHEME: Final = re.compile(
    r"(?P<name>[A-Za-z][A-Za-z0-9-]{1,30})[ \t]{1,8}(?=\S)", _FLAGS
)
ONE_TOKEN_SCHEMES: Final = frozenset(
    ["basic", "bearer", "token", "negotiate", "ntlm", "apikey", "key", "jwt"]
)
LIST_SCHEMES: Final = frozenset(
    [
        "digest",
        "oauth",
        "hawk",
        "signature",
        "aws4-hmac-sha256",
        "aws",
        "credential",
        "mac",
        "scram-sha-256",
    ]
)

# The body of a private key: runs of base64, the few headers there are, and what source
# code puts between lines. `PEM_BOUND` characters decide about the next piece.
_GAP: Final = r"[\s\"'+,>|\\]{0,64}+"
_RUN: Final = "[A-Za-z0-9+/=]"
_HEADER: Final = r"(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset): [^\n\\]{0,256}+"
PEM_FIRST: Final = re.compile(
    rf"(?:\\[nr])?{_GAP}(?:{_RUN}{{16,1024}}+|{_HEADER})", _FLAGS
)
PEM_NEXT: Final = re.compile(
    rf"{_GAP}{_RUN}{{0,64}}{_GAP}{_RUN}{{0,16}}{_GAP}(?=-----END )"
    rf"|{_RUN}{{1,1024}}+|{_GAP}(?:{_RUN}{{16,1024}}+|{_HEADER})",
    _FLAGS,
)
PEM_BOUND: Final = 2048


def before(quote: str, *, escaped: bool) -> re.Pattern[str]:
    """Return the pattern of what stands before *quote*, on the same line."""
    return (_BEFORE_ESCAPED if escaped else _BEFORE_QUOTE)[quote[0]]


def places(text: str, start: int) -> list[int]:
    """Return each place of *text* from *start* on at which a secret could begin.

    To look for fixed words is an order of magnitude faster than to try the pattern at
    each character.
    """
    found: list[int] = []
    # the one letter whose lower case has two characters would move all that follows
    lowered = text.replace("\u0130", "i").lower()
    groups = [words for held, words in _FIXED.items() if held in text]
    for word in chain.from_iterable(groups):
        at = lowered.find(word, start)
        while at >= 0:
            found.append(at)
            at = lowered.find(word, at + 1)
    found.sort()
    return found
