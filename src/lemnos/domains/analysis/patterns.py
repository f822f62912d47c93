"""Globs over paths, matched in time linear in the length of the path.

``*``, ``?`` and ``[…]`` stay within a folder, ``**`` spans folders, ``{a,b}`` are alternatives. A
pattern without a slash is looked for at any depth, and one that names a folder stands for all
that is in it, as in gitignore(5).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Sequence

from lemnos.kernel.errors import Invalid

MAX_PATTERNS = 100
MAX_LENGTH = 512
_MAX_ALTERNATIVES = 64  # that the braces of one pattern may stand for
_SPAN = None  # stands for ``**`` among the parts of a pattern
_BRACES = re.compile(r"\{([^{}]*)\}")

_Part = Callable[[str], object] | None


class Patterns:
    """A path matches when one of the patterns does."""

    def __init__(self, patterns: Iterable[str], *, field: str = "patterns") -> None:
        given = list(patterns)
        if len(given) > MAX_PATTERNS:
            raise _refused(field, f"has {len(given)} patterns; at most {MAX_PATTERNS} are allowed")
        self._patterns = [parts for each in given for parts in _compiled(each, field)]

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def match(self, path: str) -> bool:
        """Whether one of the patterns matches."""
        names = path.split("/")
        return any(_match(parts, names) for parts in self._patterns)


def _compiled(pattern: str, field: str) -> list[list[_Part]]:
    if not pattern or len(pattern) > MAX_LENGTH:
        raise _refused(field, f"has a pattern that is empty or over {MAX_LENGTH} characters long")
    if "\0" in pattern:
        raise _refused(field, "has a pattern with a null character")
    return [_parts(each) for each in _alternatives(pattern, field)]


def _alternatives(pattern: str, field: str) -> list[str]:
    """The patterns that one with braces stands for."""
    done: list[str] = []
    waiting = [pattern]
    while waiting:
        current = waiting.pop()
        found = _BRACES.search(current)
        if found is None:
            done.append(current)
        else:
            before, after = current[: found.start()], current[found.end() :]
            waiting += [f"{before}{choice}{after}" for choice in found[1].split(",")]
        if len(done) + len(waiting) > _MAX_ALTERNATIVES:
            raise _refused(field, f"has a pattern with over {_MAX_ALTERNATIVES} alternatives")
    return done


def _parts(pattern: str) -> list[_Part]:
    anchored = "/" in pattern.rstrip("/")
    names = [name for name in pattern.split("/") if name not in ("", ".")]
    if not anchored:
        names.insert(0, "**")
    names.append("**")  # the path itself, or all that is under it
    parts: list[_Part] = []
    for name in names:
        if name != "**":
            parts.append(_name(name))
        elif not parts or parts[-1] is not _SPAN:  # two in a row say the same as one
            parts.append(_SPAN)
    return parts


def _name(pattern: str) -> Callable[[str], object]:
    """A matcher of one name. fnmatch makes every ``*`` but the last an atomic group, so that
    nothing is tried twice, whatever the pattern."""
    return re.compile(fnmatch.translate(pattern)).match


def _match(parts: Sequence[_Part], names: Sequence[str]) -> bool:
    """Greedy matching: when a part fails, only the last ``**`` takes in one more name."""
    part = name = 0
    resume = -1
    resume_name = 0
    while name < len(names):
        if part < len(parts) and parts[part] is _SPAN:
            resume, resume_name = part, name
            part += 1
        elif part < len(parts) and _fits(parts[part], names[name]):
            part += 1
            name += 1
        elif resume >= 0:
            resume_name += 1
            part, name = resume + 1, resume_name
        else:
            return False
    return all(rest is _SPAN for rest in parts[part:])


def _fits(part: _Part, name: str) -> bool:
    return part is not None and part(name) is not None


def _refused(field: str, problem: str) -> Invalid:
    return Invalid(f"{field} {problem}.", fields={field: problem})
