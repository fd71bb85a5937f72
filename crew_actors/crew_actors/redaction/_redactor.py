# The scanner: one pass over a text that may come in pieces.
#
# 1. How a text is cut into pieces changes nothing: what comes out together is the same.
#    A beginning is judged only when all that it can depend on is there: the end of its
#    line, 4,096 characters, or the end of the text.
# 2. What is held back is bounded: less than two times that and a known secret. A secret without end is
#    not kept, it is swallowed as it comes.
# 3. What was masked stays as it is, when it is redacted again.
"""A redactor of texts that come in pieces."""

import re
from collections.abc import Iterable
from typing import Final, Literal, final

import attrs

from crew_actors.redaction import _forms as forms
from crew_actors.redaction._keys import NAME_LIMIT, KeyKind, key_kind
from crew_actors.redaction._known import known
from crew_actors.redaction._plain import MASK, PEEK, is_plain

_REACH: Final = 4096  # characters that the longest look ahead takes, with some to spare
_BEHIND: Final = 2 * NAME_LIMIT  # characters that a look back takes
_TRAILING: Final = ",.;:!?)]}"
_PLAIN_TOKEN: Final = 20  # characters; a longer word is a token


@attrs.frozen
class _Hit:
    """A secret in the text."""

    start: int
    end: int
    more: re.Pattern[str] | None = None
    """What else belongs to it, if the text ends here and goes on later."""

    mask: str = MASK


@final
class Redactor:
    """Masks the secrets of a text that comes in pieces. For one text at a time."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Also mask each of *secrets* that has eight characters or more.

        One of several lines is masked line by line. At most 256 are looked for.
        """
        self._known = known(tuple(secrets))
        self._clear()

    def _clear(self) -> None:
        self._raw = ""  # what may end with the beginning of a known secret
        self._text = ""
        self._done = 0  # what is before has been given out or masked
        self._next = 0  # where to look for the next beginning
        self._more: re.Pattern[str] | None = None
        self._pem: Literal["first", "next"] | None = None

    def feed(self, piece: str) -> str:
        """Take the next *piece* in and return what is certain by now, masked."""
        self._raw += piece
        if "\n" not in piece and len(self._raw) < 2 * self._known.reach:
            return ""
        certain, self._raw = self._known.split(self._raw, final=False)
        self._text += certain
        full = len(self._text) - self._done >= 2 * _REACH
        return self._scan(final=False) if full or "\n" in certain else ""

    def close(self) -> str:
        """Return the rest, masked. The redactor is as new then."""
        self._text += self._known.split(self._raw, final=True)[0]
        rest = self._scan(final=True)
        self._clear()
        return rest

    def redact(self, text: str) -> str:
        """Return the whole *text*, masked."""
        masked, _ = self._known.split(text, final=True)
        if not forms.places(masked, 0):
            return masked
        self._text = masked
        rest = self._scan(final=True)
        self._clear()
        return rest

    def _scan(self, *, final: bool) -> str:
        out: list[str] = []
        text = self._text
        size = len(text)
        limit = size if final else max(text.rfind("\n") + 1, size - _REACH)
        for place in forms.places(text, self._next):
            if not self._free(out, final=final) or place >= limit:
                break
            if place >= self._next:
                self._look_at(place, out)
        self._free(out, final=final)
        if self._more is None and self._pem is None:
            self._give(out, max(self._done, limit))
            self._next = max(self._next, limit)
        self._trim()
        return "".join(out)

    def _free(self, out: list[str], *, final: bool) -> bool:
        """Get past the secret that the last hit has begun; False if it goes on."""
        return self._swallowed(final=final) and self._key_block_over(out, final=final)

    def _look_at(self, place: int, out: list[str]) -> None:
        """Mask the secret that begins at *place*, if one does."""
        found = forms.BEGINNING.match(self._text, place)
        if found is None:
            return
        end = self._next = found.end()
        if found.lastgroup == "pem":
            self._give(out, end)
            self._pem = "first"
            return
        hit = self._hit(found.lastgroup, place, end)
        if hit is not None:
            self._give(out, hit.start)
            out.append(hit.mask)
            self._done = hit.end
            self._next = max(self._next, hit.end)
            self._more = hit.more

    def _give(self, out: list[str], end: int) -> None:
        out.append(self._text[self._done : end])
        self._done = max(self._done, end)

    def _trim(self) -> None:
        """Forget what nobody looks back at."""
        past = max(0, self._done - _BEHIND)
        self._text = self._text[past:]
        self._done -= past
        self._next = max(self._next - past, self._done)

    def _swallowed(self, *, final: bool) -> bool:
        """Skip what still belongs to a secret; False if more of it may come."""
        if self._more is None:
            return True
        found = self._more.match(self._text, self._done)
        end = self._done if found is None else found.end()
        self._done = self._next = end
        rest = self._text[end : end + 2]
        if not final and rest in {"", "\\"}:  # an escape may be cut in the middle
            return False
        self._more = None
        return True

    def _key_block_over(self, out: list[str], *, final: bool) -> bool:
        """Mask the body of a private key; False if more of it must come first."""
        while self._pem is not None:
            if not final and len(self._text) - self._done < forms.PEM_BOUND:
                return False
            pattern = forms.PEM_FIRST if self._pem == "first" else forms.PEM_NEXT
            found = pattern.match(self._text, self._done)
            if found is None or found.end() == self._done:
                self._pem = None
                return True
            if self._pem == "first":
                out.append(MASK)
                self._pem = "next"
            self._done = self._next = found.end()
        return True

    def _hit(self, kind: str | None, start: int, end: int) -> _Hit | None:
        match kind:
            case "shape":
                rest = forms.SHAPE_REST
                return _Hit(start, _end(rest, self._text, end), rest)
            case "url":
                return self._url(end)
            case "bearer":
                return self._bearer(start, end)
            case _:
                return self._key(start, end)

    def _url(self, at: int) -> _Hit | None:
        found = forms.URL_SECRET.match(self._text, at)
        if found is None:
            return None
        name = "token" if found["password"] is None else "password"
        if is_plain(found[name][: PEEK + 1], "other"):
            return None
        return _Hit(found.start(name), found.end(name))

    def _bearer(self, at: int, end: int) -> _Hit | None:
        start = _end(forms.BEARER_GAP, self._text, end)
        head = self._head(forms.BEARER_REST, start)
        value = head.rstrip(_TRAILING)
        if len(value) < forms.BEARER_LEAST or is_plain(value, "other"):
            return None
        if self._text[at] == "b" and _is_word(value):
            return None  # somebody who bears something
        return self._masked(start, head, forms.BEARER_REST)

    def _key(self, at: int, end: int) -> _Hit | None:
        text = self._text
        start = self._name_start(at)
        opened = text[start - 1] if start else ""
        if text[at] in "kK" and opened == " ":  # API key
            start = self._name_start(at - 1)
        rest = forms.NAME_REST.match(text, end)
        kind = None if rest is None else key_kind(text[start : rest.end()].strip(".-_"))
        if rest is None or kind is None:
            return None
        separator = forms.SEPARATOR.match(text, rest.end())
        if separator is None and text.startswith("--", start):
            separator = forms.OPTION_SEPARATOR.match(text, rest.end())
        if separator is None and opened == "<":
            separator = forms.TAG_SEPARATOR.match(text, rest.end())
        if separator is None:
            return None
        return self._value(
            separator.end(), kind, opened, in_json=text.startswith('"', rest.end())
        )

    def _value(
        self, at: int, kind: KeyKind, opened: str, *, in_json: bool
    ) -> _Hit | None:
        text = self._text
        quoted = forms.QUOTE.match(text, at)
        if quoted is not None:
            return self._quoted(quoted, kind)
        several = forms.LIST.match(text, at)
        if several is not None:
            return self._list(several)
        if in_json:
            return self._in_json(at, kind)
        return self._header(at, opened) if kind == "header" else self._bare(at, kind)

    def _name_start(self, at: int) -> int:
        start = at
        least = max(0, at - NAME_LIMIT)
        while start > least and self._text[start - 1] in forms.NAME_CHARACTERS:
            start -= 1
        return start

    def _quoted(self, quoted: re.Match[str], kind: KeyKind) -> _Hit | None:
        pattern = forms.before(quoted["quote"], escaped=bool(quoted["slashes"]))
        start = quoted.end()
        if kind == "header":
            scheme = forms.SCHEME.match(self._text, start)
            start = start if scheme is None else scheme.end()
        head = self._head(pattern, start)
        if is_plain(head, kind, quoted=True) or head.startswith("-----BEGIN"):
            return None
        return _Hit(start, _end(pattern, self._text, start), pattern)

    def _list(self, several: re.Match[str]) -> _Hit:
        """Mask a list of texts as one."""
        mask = f"{several['quote']}{MASK}{several['quote']}"
        return _Hit(several.start("items"), several.end("items"), mask=mask)

    def _in_json(self, start: int, kind: KeyKind) -> _Hit | None:
        """Mask a number, so that it stays JSON."""
        value = self._head(forms.SCALAR, start)
        if is_plain(value, kind):
            return None
        end = _end(forms.SCALAR, self._text, start)
        return _Hit(start, end, forms.SCALAR, f'"{MASK}"')

    def _bare(self, start: int, kind: KeyKind) -> _Hit | None:
        head = self._head(forms.BARE, start)
        value = head.rstrip(_TRAILING) if len(head) <= PEEK else head
        plain = is_plain(value, kind) or is_plain(head, kind)
        if plain or head.startswith("-----BEGIN"):
            return None
        return self._masked(start, head, forms.BARE)

    def _header(self, start: int, opened: str) -> _Hit | None:
        """Mask what follows the scheme of an Authorization header."""
        scheme = forms.SCHEME.match(self._text, start)
        name = "" if scheme is None else scheme["name"].lower()
        if scheme is None:
            return self._bare(start, "other")
        if name in forms.ONE_TOKEN_SCHEMES:
            return self._bare(scheme.end(), "header")
        if name in forms.LIST_SCHEMES:
            pattern = forms.LINE
            if opened in {'"', "'"}:
                pattern = forms.before(opened, escaped=False)
            if self._text.startswith(MASK, scheme.end()):
                return None
            return _Hit(scheme.end(), _end(pattern, self._text, scheme.end()), pattern)
        head = self._head(forms.BARE, scheme.end()).rstrip(_TRAILING)
        if _is_word(head) and len(head) < _PLAIN_TOKEN:
            return None  # a sentence
        return self._bare(scheme.end(), "header")

    def _head(self, pattern: re.Pattern[str], start: int) -> str:
        """Return the beginning of what *pattern* takes, enough to judge it."""
        found = pattern.match(self._text, start, start + PEEK + 1)
        return "" if found is None else found[0]

    def _masked(self, start: int, head: str, pattern: re.Pattern[str]) -> _Hit:
        """Mask all that *pattern* takes, but not the punctuation after it."""
        if len(head) <= PEEK:
            return _Hit(start, start + len(head.rstrip(_TRAILING)))
        return _Hit(start, _end(pattern, self._text, start), pattern)


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.match(text, start)
    return start if found is None else found.end()


def _is_word(text: str) -> bool:
    return text.isalpha() and text[1:].islower()
