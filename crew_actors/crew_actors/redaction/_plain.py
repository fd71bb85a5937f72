# What stands where a secret could stand, and is none: words, types, code that fetches
# the secret, variables, placeholders, and what is masked already.
#
# The lists are closed, so an unknown word is taken for a secret: a mask too many is
# seen, a secret too many is lost.
"""Values that are no secrets."""

import re
from typing import Final

from crew_actors.redaction._keys import KeyKind, is_secret_name

MASK: Final = "***"
"""What stands in the place of a secret."""

PEEK: Final = 200
"""Characters of a value that are looked at; a longer one is a secret."""

_SHORT: Final = 4  # digits; fewer are no password
_OF_SENTENCES: Final = """
    a about added after all already also always an and any are as ask at be
    because been before being below but by can cannot changed check checks could
    created deleted denied did do does done each either else empty enter every
    exists expired expires fails failed failure field first for found from get
    gets give given goes good granted had has have hello here hidden how i if
    ignored in insert instead into invalid is it its just keep kept know last
    later less let like made make makes many may mean means might missing more
    most must my name need needed needs neither never new next no nobody none nor
    not nothing now of off ok old on once one only optional or other our out
    passed please provide provided put read received redacted refused rejected
    removed required revoked rotated same see seen sent set should show shown
    since so some something sometimes still stored such take taken than that the
    their them then there these they this those to too try two type unset until
    updated use used user users uses valid value very wanted was we were what when
    where whether which who whose why will with without word words would write
    written wrong yes yet you your
"""
_OF_CODE: Final = """
    true false null nil undefined void self str string bytes int integer float
    number bool boolean object dict list map array tuple vec option result mapping
    sequence iterable literal union final classvar typing attrs str|none
    string|null secretstr const var await async lambda return
"""
_OF_FORMS: Final = """
    basic bearer digest negotiate authentication authorization authentications
    certificate certificates instrument instruments credential credentials header
    headers request requests scheme schemes
    example changeme placeholder dummy todo xxx xxxx xxxxxxxx
"""
_WORDS: Final = frozenset(f"{_OF_SENTENCES}{_OF_CODE}{_OF_FORMS}".split())
_TEMPLATE: Final = re.compile(
    r"\$\{[^\s{}]{1,80}\}\Z|\$[A-Za-z_]{1,80}\Z|\$\(|\$?\{\{|%s\Z|%\([a-z_]{1,60}\)s"
    r"|%[A-Za-z_]{1,60}%\Z|<[A-Za-z/ _-]{1,60}>\Z|\*{3,}\Z|\.{3}\Z|[^\s…]{0,4}…\Z",
    re.ASCII,
)
_IN_CODE: Final = re.compile(
    r"[A-Za-z_][\w.]{0,80}[(\[]"  # a call or an index
    r"|(?:self|cls|args|opts|options|config|cfg|settings|os|env|environ|process|request"
    r"|req|ctx|context|params|this|app|data|state|kwargs|secrets|vars|github|inputs"
    r"|steps|var|local|module)\.[A-Za-z_]"
    r"|[\[{](?:[\s\[{\"'\\\]}]|\Z)|[({|>*&/#-]{1,3}\Z",
    re.ASCII,
)
_NAME = re.compile(r"[A-Za-z_*&][A-Za-z_.]*\Z", re.ASCII)


def is_plain(value: str, kind: KeyKind, *, quoted: bool = False) -> bool:
    """Tell whether *value*, under a key of *kind*, is certainly no secret.

    At most its first `PEEK` characters and one more need be given. What is *quoted* is
    no code.
    """
    if not value or _TEMPLATE.match(value) is not None:
        return True
    if not quoted and _IN_CODE.match(value) is not None:
        return True
    if len(value) > PEEK:
        return False
    if value.isdigit():
        return kind in {"token", "number"} or len(value) < _SHORT
    if value.casefold() in _WORDS:
        return True
    return _NAME.match(value) is not None and is_secret_name(value)
