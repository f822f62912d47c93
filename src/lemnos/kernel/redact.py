"""Taking known secrets out of text that people or programs will see."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import quote

MASK = "***"
_MASK_BYTES = MASK.encode()
_URL_USERINFO = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s@\"']+@")
_SHORTEST = 6  # shorter values would mask ordinary words


class Redactor:
    """Replaces each of a set of secrets, and the user part of any URL, by ``***``.

    Every place where outside text enters an event, a log or an error passes through one.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        long = (secret for secret in secrets if len(secret) >= _SHORTEST)
        known = sorted({form for secret in long for form in _forms(secret)}, key=len, reverse=True)
        self._text = re.compile("|".join(map(re.escape, known))) if known else None
        self._bytes = re.compile(b"|".join(re.escape(s.encode()) for s in known)) if known else None

    def text(self, value: str) -> str:
        """The text without the secrets."""
        if self._text is not None:
            value = self._text.sub(MASK, value)
        return _URL_USERINFO.sub(rf"\g<scheme>{MASK}@", value) if "@" in value else value

    def raw(self, value: bytes) -> bytes:
        """The bytes without the secrets; URLs are left, as raw lines may be large."""
        return self._bytes.sub(_MASK_BYTES, value) if self._bytes is not None else value


def _forms(secret: str) -> set[str]:
    """A secret as it is, inside a JSON string with and without ``\\u`` escapes, and in a URL."""
    escaped = {json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    return {secret, quote(secret, safe=""), *escaped}
