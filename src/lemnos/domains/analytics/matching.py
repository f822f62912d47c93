"""Paths of coverage files as paths of the repository: they were written on other machines. Pure.

A report's paths may be relative to the repository, to a folder in it or to a source root, or
absolute where a build ran that is long gone. All of one report come from one place, so one way
must lead most of them home. A report for which there is no such way is of another project.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

_DRIVE = re.compile(r"[A-Za-z]:(?=/)")
_SHARE = 0.5  # of a report's files that must be found here
_MOST = 12  # folders that are tried to be cut off, or put before


def matched(
    reported: Collection[str], known: Collection[str], roots: Sequence[str], base: str
) -> Mapping[str, str]:
    """Reported paths with the path that each has in the repository; empty if they are not its own.

    ``known`` are the repository's files, ``roots`` the folders that the paths may be relative to,
    the likeliest first, absolute or of the repository. ``base`` is where that is on this machine.
    """
    here = f"{_plain(base)}/"
    plain = {path: _plain(path).removeprefix(here) for path in reported}
    under = [before for root in roots for before in _under(_plain(root), here)]
    best: dict[str, str] = {}
    for found in _ways(plain, known, under):
        if len(found) > len(best):
            best = found
        if len(best) == len(plain):
            break
    return best if len(best) >= max(1, _SHARE * len(plain)) else {}


class _Tails:
    """The repository's paths by the end of them: which folders can stand before a path."""

    def __init__(self, known: Collection[str]) -> None:
        self._by_name: dict[str, list[str]] = {}
        for path in known:
            self._by_name.setdefault(posixpath.basename(path), []).append(path)

    def before(self, path: str) -> Iterator[str]:
        """What has to be put before a relative path to make one of the repository's."""
        for candidate in self._by_name.get(posixpath.basename(path), ()):
            if candidate.endswith(f"/{path}"):
                yield candidate.removesuffix(path)

    def cut(self, path: str) -> Iterator[str]:
        """What has to be cut off a path to make one of the repository's; the longest path first."""
        candidates = self._by_name.get(posixpath.basename(path), ())
        ends = [each for each in candidates if path.endswith(f"/{each}")]
        for end in sorted(ends, key=len, reverse=True)[:_MOST]:
            yield path.removesuffix(end)


def _ways(
    plain: Mapping[str, str], known: Collection[str], under: Sequence[str]
) -> Iterator[dict[str, str]]:
    """What each way of reading the paths finds, the most telling way first."""
    for before in (*under, ""):
        yield _through(plain, known, cut="", before=before)
    tails = _Tails(known)
    for cut, _ in Counter(c for path in plain.values() for c in tails.cut(path)).most_common(_MOST):
        yield _through(plain, known, cut=cut, before="")
    befores = Counter(each for path in plain.values() for each in tails.before(path))
    match befores.most_common(2):
        case [(before, most), *others] if all(most > count for _, count in others):
            yield _through(plain, known, cut="", before=before)  # else nobody can tell which


def _under(root: str, here: str) -> Iterator[str]:
    """What a root puts before its paths: ``c/d/``, then ``d/``, of ``/b/c/d``.

    A root of another machine may end in a folder of the repository.
    """
    inside = f"{root}/".removeprefix(here)
    if not inside.startswith("/"):
        yield "" if inside in ("./", "") else inside
        return
    parts = root.strip("/").split("/")
    for start in range(max(0, len(parts) - _MOST), len(parts)):
        yield "/".join(parts[start:]) + "/"


def _through(
    plain: Mapping[str, str], known: Collection[str], *, cut: str, before: str
) -> dict[str, str]:
    found = {}
    for path, text in plain.items():
        if text.startswith(cut):
            candidate = before + text[len(cut) :]
            if candidate in known:
                found[path] = candidate
    return found


def _plain(path: str) -> str:
    """Slashes, no drive, and no ``.`` or ``..`` in between."""
    slashed = _DRIVE.sub("", path.replace("\\", "/"))
    return posixpath.normpath(slashed)
