# Layers, each standing on those above it:
#
#   _errors     what can go wrong at a border
#   _converter  values become plain data, and plain data becomes values, strictly
#   _codec      messages become bytes, by registered names
"""Borders: where messages become bytes, and bytes become messages."""

from crew_actors.codec._codec import MAX_SIZE as MAX_SIZE, Codec as Codec
from crew_actors.codec._errors import (
    BadMessage as BadMessage,
    CodecError as CodecError,
    MessageTooLarge as MessageTooLarge,
    NotRegistered as NotRegistered,
    UnknownKind as UnknownKind,
)
