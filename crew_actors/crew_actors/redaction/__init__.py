# Secrets are taken out of a text before it is stored or shown.
#
#   _keys      which names hold secrets           _plain     values that are none
#   _known     secrets known by their value
#   _forms     what starts a secret in a text     _redactor  the scanner
#   _data      structured values, bytes, the variables of this process
#   _stream    a stream that masks what is written to it
#
# What counts as a secret is told in docs/explanation/redaction.md.
"""Secrets masked in texts, bytes and structured values."""

from crew_actors.redaction._data import (
    new_redactor as new_redactor,
    redact as redact,
    redact_bytes as redact_bytes,
    redact_chunks as redact_chunks,
    redact_end as redact_end,
    redact_start as redact_start,
    redact_value as redact_value,
    secret_values as secret_values,
)
from crew_actors.redaction._keys import is_secret_name as is_secret_name
from crew_actors.redaction._plain import MASK as MASK
from crew_actors.redaction._redactor import Redactor as Redactor
from crew_actors.redaction._stream import MaskedStream as MaskedStream
