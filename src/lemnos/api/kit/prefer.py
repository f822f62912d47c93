"""What a client prefers of an answer that takes long (RFC 7240, sections 4.1 and 4.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

_LONGEST = 86_400.0  # seconds; what is waited for has limits of its own
_WAIT = re.compile(r"wait\s*=\s*\"?(\d{1,9})\"?")


@dataclass(frozen=True, slots=True)
class Preference:
    """``respond_async``: an answer that is not there after ``wait`` seconds is asked for later."""

    respond_async: bool = False
    wait: float = _LONGEST
    said: bool = False  # by the header, which is then to be confirmed

    def or_async(self, wanted: bool) -> Preference:
        """The same for a body that asks for it as well."""
        return Preference(True, 0.0) if wanted and not self.respond_async else self


def preference_of(request: Request) -> Preference:
    """What the ``Prefer`` headers of a request say; words that are not known are ignored."""
    words = [
        word.strip().lower()
        for header in request.headers.getlist("prefer")
        for word in header.replace(";", ",").split(",")
    ]
    matches = [match for word in words if (match := _WAIT.fullmatch(word))]
    respond_async = "respond-async" in words
    if matches:
        return Preference(respond_async, min(float(matches[0][1]), _LONGEST), respond_async)
    return Preference(respond_async, 0.0 if respond_async else _LONGEST, respond_async)


PreferDep = Annotated[Preference, Depends(preference_of)]
