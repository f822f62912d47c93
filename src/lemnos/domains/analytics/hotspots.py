"""Hotspots: files that are complicated and change often, who knows them, what goes along. Pure.

After A. Tornhill, *Your Code as a Crime Scene* (CodeScene, code-maat): revisions times complexity
finds the hotspots, the lines that each author has added tell who knows a file, and files that keep
changing in the same commits are coupled, whatever their imports say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from lemnos.domains.analytics.changes import Changes, FileHistory
from lemnos.domains.analytics.model import Coupled, Hotspot, Measured, Owner

LEAST_SHARED = 3  # commits, below which two files may have met by chance
LEAST_DEGREE = 0.3  # code-maat's default
MOST_COUPLED = 5
MOST_OWNERS = 5


def hotspots(
    files: Sequence[Measured], changes: Changes, limit: int, *, among: Collection[str]
) -> tuple[Hotspot, ...]:
    """The hottest files first; a file that has not changed is none.

    Files couple with those ``among`` all that there are now, measured or not.
    """
    scores = _scores(files)
    best = sorted(scores, key=lambda one: (-scores[one], one.path))[:limit]
    shared = changes.shared([one.path for one in best])
    return tuple(
        _hotspot(one, scores[one], changes, _coupling(one.path, changes, shared, among))
        for one in best
    )


def _scores(files: Sequence[Measured]) -> dict[Measured, float]:
    """Revisions times complexity, each relative to the largest one."""
    changed = [one for one in files if one.revisions and one.complexity is not None]
    most_often = max((one.revisions for one in changed), default=1)
    most_complex = max((one.complexity or 0 for one in changed), default=0) or 1
    return {
        one: one.revisions / most_often * (one.complexity or 0) / most_complex for one in changed
    }


def _hotspot(
    measured: Measured, score: float, changes: Changes, coupling: tuple[Coupled, ...]
) -> Hotspot:
    history = changes.files.get(measured.path, FileHistory())
    known = owners(history)
    return Hotspot(
        measured=measured,
        score=score,
        authors=len(known),
        owners=known[:MOST_OWNERS],
        fragmentation=1.0 - sum(owner.share**2 for owner in known) if known else 0.0,
        coupling=coupling,
    )


def owners(history: FileHistory) -> tuple[Owner, ...]:
    """All authors of a file, who has added most first.

    Where nobody has added a line (a binary file, or only lines removed) commits count instead.
    """
    added = sum(done.added for done in history.authors.values())
    total = added or history.revisions
    made = (
        Owner(
            name=author.name,
            share=(done.added if added else done.commits) / total,
            commits=done.commits,
            last_at=done.last_at,
        )
        for author, done in history.authors.items()
    )
    return tuple(sorted(made, key=lambda owner: (-owner.share, -owner.last_at, owner.name)))


def _coupling(
    path: str, changes: Changes, shared: Mapping[str, Counter[str]], among: Collection[str]
) -> tuple[Coupled, ...]:
    own = changes.files[path].together if path in changes.files else 0
    found = []
    for other, count in shared.get(path, Counter()).items():
        if count < LEAST_SHARED or other not in among:
            continue
        degree = 2 * count / (own + changes.files[other].together)
        if degree >= LEAST_DEGREE:
            found.append(Coupled(other, degree, count))
    found.sort(key=lambda each: (-each.degree, -each.shared, each.path))
    return tuple(found[:MOST_COUPLED])
