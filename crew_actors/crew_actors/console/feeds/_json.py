"""Values of the model as JSON, in bytes."""

import msgspec

from crew_actors.observe import json_line

_encoder = msgspec.json.Encoder()


def to_json(value: object) -> bytes:
    """Write *value*, plain or of attrs classes, as JSON. NaN becomes null.

    Raises:
      TypeError: it holds something that has no form in JSON.
    """
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:  # half a character: `repr` of foreign text may hold one
        return json_line(value).encode()
