# Finding secrets, and never showing one.
#
# 1. A text is first searched for fixed words, which costs little; only around a word
#    that was found, in a window of WINDOW characters, a pattern is tried. So the work
#    is linear in the text whatever stands in it.
# 2. What is shown of a secret is its first characters, four at most and never more
#    than a quarter, and its length.
# 3. Placeholders are no secrets: what says that it is an example, what is a variable,
#    what repeats a few characters.
# 4. To report is not to show. A report must be right, so `find_secrets` looks for few
#    forms; a mask too many costs nothing, so `masked` looks for more, without quotes
#    and in lower case, and only a variable is no secret to it.
"""Possible secrets in a text."""

import re
from collections.abc import Iterator

import attrs

from crew_actors.survey._text import LineNumbers, places

WINDOW = 400
_SHOWN = 4


@attrs.frozen
class _Kind:
    name: str
    words: tuple[str, ...]
    pattern: re.Pattern[str]
    """Its group `v` is the secret."""


@attrs.frozen
class Secret:
    """A possible secret in a text."""

    kind: str
    line: int
    """From 1."""

    shown: str
    """What may be shown of it."""

    certain: bool
    """Whether its form alone says that it is one."""


def _kind(name: str, words: str, pattern: str) -> _Kind:
    return _Kind(name, tuple(words.split()), re.compile(pattern))


_CERTAIN = (
    _kind("AWS access key", "AKIA ASIA", r"(?<![A-Z0-9])(?P<v>A[KS]IA[A-Z0-9]{16})(?![A-Z0-9])"),
    _kind("GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", r"(?P<v>gh[opusr]_[A-Za-z0-9]{36,200})"),
    _kind("GitHub token", "github_pat_", r"(?P<v>github_pat_[A-Za-z0-9_]{50,200})"),
    _kind("GitLab token", "glpat-", r"(?P<v>glpat-[A-Za-z0-9_-]{20,100})"),
    _kind("Slack token", "xoxb- xoxp- xoxa- xoxr- xoxs- xapp-", r"(?P<v>(?:xox[bpars]|xapp)-[A-Za-z0-9-]{15,200})"),
    _kind("Slack webhook", "hooks.slack.com", r"hooks\.slack\.com/services/(?P<v>[A-Z0-9]{6,20}/[A-Z0-9]{6,20}/[A-Za-z0-9]{16,40})"),
    _kind("Google API key", "AIza", r"(?<!\w)(?P<v>AIza[A-Za-z0-9_-]{35})(?![\w-])"),
    _kind("Stripe key", "sk_live_ rk_live_", r"(?P<v>[sr]k_live_[A-Za-z0-9]{16,200})"),
    _kind("OpenAI key", "sk-", r"(?<![\w-])(?P<v>sk-(?:proj-|svcacct-)?(?=[A-Za-z_-]{0,60}[0-9])[A-Za-z0-9_-]{40,200})"),
    _kind("Anthropic key", "sk-ant-", r"(?P<v>sk-ant-[A-Za-z0-9_-]{30,200})"),
    _kind("npm token", "npm_", r"(?<!\w)(?P<v>npm_[A-Za-z0-9]{36})(?!\w)"),
    _kind("PyPI token", "pypi-", r"(?P<v>pypi-AgE[A-Za-z0-9_-]{50,250})"),
    _kind("SendGrid key", "SG.", r"(?<!\w)(?P<v>SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64})"),
    _kind("Hugging Face token", "hf_", r"(?<!\w)(?P<v>hf_[A-Za-z0-9]{34,40})(?!\w)"),
    _kind("JSON web token", "eyJ", r"(?<![\w-])(?P<v>eyJ[A-Za-z0-9_-]{10,200}\.eyJ[A-Za-z0-9_-]{10,300}(?:\.[A-Za-z0-9_-]{10,300})?)"),
    _kind(
        "private key", "-----BEGIN",
        r"(?P<v>-----BEGIN (?:[A-Z]{2,9} ){0,2}PRIVATE KEY(?: BLOCK)?-----)(?=\s{0,9}(?:\\r)?(?:\\n)?\s{0,9}[\"'+ \t]{0,9}(?:[A-Za-z0-9+/]{24}|Proc-Type|Version))",
    ),
)  # fmt: skip
_URL = _kind(
    "password in a URL", "://",
    r"[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/:@'\"<>]{1,100}:(?P<v>[^\s/@'\"<>]{3,200})@[\w.\[{$-]",
)  # fmt: skip
_ASSIGNED = _kind(
    "password in the source", "password passwd secret api_key apikey api-key access_key auth_token access_token private_token client_secret",
    r"(?i)(?<![A-Za-z])(?:[A-Za-z0-9]{1,30}[_-]){0,3}"
    r"(?:password|passwd|secret|secret[_-]?key|api[_-]?key|access[_-]?key|auth[_-]?token|access[_-]?token|private[_-]?token|client[_-]?secret)"
    r"['\"]?\s{0,5}(?::\s{0,5}str\s{0,5})?(?:=|:|=>|:=)\s{0,5}(?P<q>['\"])(?P<v>[^'\"\s\\]{8,200})(?P=q)",
)  # fmt: skip
_VARIABLE = r"(?!\$\{?[A-Za-z_]\w{0,60}\}?(?!\w)|\$\(|\{\{|<|\*{3})"
_BARE = rf"{_VARIABLE}(?P<v>[^\s'\"`,;&|<>()…]{{4,200}}+)(?!…)"
_PASSWORDS = r"(?:pass(?:word|wd|phrase|code|wort)|(?<![A-Za-z])(?:pass|pwd))"
_KEYS = (
    r"(?:secret|token|credentials?|(?:api|access|secret|private|auth|account)[_-]?key)"
)
_SEPARATED = r"['\"]?\s{0,5}(?:=>|:=|=|:)\s{0,5}"
_MASKED_TOO = tuple(
    re.compile(f"(?i){pattern}")
    for pattern in (
        # password = 'a b c', token: "x": all that stands between the quotes
        rf"(?:{_PASSWORDS}|{_KEYS})\w{{0,20}}{_SEPARATED}(?P<q>['\"]){_VARIABLE}(?P<v>[^'\"\n…]{{4,200}}+)(?P=q)",
        # password=x, passwd: x, DB_PASS=x
        rf"{_PASSWORDS}(?:[_-]?\w{{0,20}}){_SEPARATED}['\"]?{_BARE}",
        # the same of tokens and keys
        rf"{_KEYS}s?(?:[_-]\w{{0,20}})?['\"]?\s{{0,5}}(?:=>|:=|=)\s{{0,5}}['\"]?{_BARE}",
        # token: x4, where the digit tells it from prose
        rf"{_KEYS}['\"]?\s{{0,5}}:\s{{0,5}}['\"]?(?=[^\s'\"]{{0,100}}\d){_BARE}",
        # --password x, --api-key x, -p x of programs known to take one
        rf"--[a-z-]{{0,30}}(?:{_PASSWORDS}|{_KEYS})\s{{1,5}}['\"]?{_BARE}",
        rf"(?:mysql\w{{0,10}}|mariadb|sshpass)\s[^|;&\n]{{0,200}}?(?<=\s)-p\s{{0,2}}['\"]?{_BARE}",
        # -u user:x, --user=user:x; two numbers are ids
        rf"(?<![\w-])(?:-[a-z]{{0,6}}u|--(?:proxy-)?user)[\s=]{{0,5}}['\"]?(?!\d{{1,10}}:\d{{1,10}}(?![\w.]))[^\s:'\"]{{1,100}}:{_BARE}",
        # Authorization: Bearer x, and a bearer anywhere
        rf"authorization{_SEPARATED}['\"]?(?:[a-z]{{2,20}}\s{{1,5}})?(?!(?:basic|bearer|digest|token)\b){_BARE}",
        rf"\bbearer\s{{1,5}}(?=[\w.~+/=-]{{0,100}}\d|[\w.~+/=-]{{20}}){_BARE}",
        # https://x@host
        rf"://(?=[^\s/:@'\"<>]{{16,200}}@){_VARIABLE}(?P<v>[^\s/:@'\"<>…]{{16,200}}+)@",
    )
)
_PLACEHOLDER = re.compile(
    r"(?i)example|sample|changeme|change[_-]?me|placeholder|dummy|your[_-]|my[_-]|fake|xxxx|\*\*\*|\.\.\.|…|<|>|\$\{?|\{\{?|%\(|%s"
    r"|test|todo|redacted|not[_-]?a|secret|passw|password|token$|^none$|^null$|^(?:user|pass|pw|pwd|admin|root|guest)$"
    r"|12345|abcdef|deadbeef|foobar|hunter2|insert|replace|^env[:.]|^os\.|^process\.|^\w+\(.*\)$|^[a-z]+([._-][a-z]+)+$|^[a-z]+$|^[A-Z_]+$|^/|^https?:"
)
_SAMPLE = re.compile("(?i)example")
_FEWEST = 5


def mask(value: str) -> str:
    """Return what may be shown of a secret: its beginning and its length."""
    if value.startswith("-----BEGIN"):
        return "a block of it"
    return f"{value[: min(_SHOWN, len(value) // 4)]}… ({len(value)} characters)"


def masked(text: str) -> str:
    """Return *text* with everything in it that has the form of a secret masked."""
    if "PRIVATE KEY-----" in text:
        return "(a private key)"
    lowered = text.lower()
    for kind in (*_CERTAIN, _URL):
        if any(word in lowered or word in text for word in kind.words):
            text = kind.pattern.sub(_mask_value, text)
    for pattern in _MASKED_TOO:
        text = pattern.sub(_mask_value, text)
    return text


def _mask_value(found: re.Match[str]) -> str:
    start, end = found.start("v") - found.start(), found.end("v") - found.start()
    return found[0][:start] + mask(found["v"]) + found[0][end:]


def find_secrets(text: str, lowered: str) -> list[Secret]:
    """Return the possible secrets of *text*, in order; *lowered* is its lower case."""
    found: dict[int, Secret] = {}
    numbers = LineNumbers(text)
    same = lowered if len(lowered) == len(text) else text  # lower() may change lengths
    for kind in (*_CERTAIN, _URL, _ASSIGNED):
        certain = kind is not _URL and kind is not _ASSIGNED
        for at, value in _hits(text, same if kind is _ASSIGNED else text, kind):
            if _is_varied(value) and not (_SAMPLE if certain else _PLACEHOLDER).search(
                value
            ):
                secret = Secret(kind.name, numbers.at(at), mask(value), certain)
                found.setdefault(at, secret)
    return [found[at] for at in sorted(found)]


def _is_varied(value: str) -> bool:
    return len(set(value)) >= _FEWEST


def _hits(text: str, where: str, kind: _Kind) -> Iterator[tuple[int, str]]:
    """Yield places and values of *kind*; its words are searched in *where*."""
    for start, end in _windows(where, kind.words):
        for found in kind.pattern.finditer(text, start, end):
            yield found.start("v"), found["v"]


def _windows(text: str, words: tuple[str, ...]) -> list[tuple[int, int]]:
    """Return disjoint pieces of *text* around each occurrence of a word."""
    found = sorted(at for word in words for at in places(text, word))
    windows: list[tuple[int, int]] = []
    for at in found:
        start, end = max(0, at - WINDOW // 4), at + WINDOW
        if windows and start <= windows[-1][1]:
            windows[-1] = windows[-1][0], end
        else:
            windows.append((start, end))
    return windows
