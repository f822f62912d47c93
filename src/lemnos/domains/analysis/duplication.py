"""Copies within and between files, found by shared fingerprints."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

_FORM = struct.Struct("<QII")
_MOST_COPIES = 50  # places of one fingerprint among which the other copy is looked for
_GAP = 5  # lines between two shared fingerprints that still belong to one copied block


class Fingerprint(NamedTuple):
    """The hash of a sequence of tokens, and the lines on which it begins and ends."""

    hash: int
    start: int
    end: int


class Place(NamedTuple):
    """Where a fingerprint was found; ``file`` is a number that the caller gave."""

    file: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Copy:
    """Lines of a file that are also somewhere else."""

    start: int
    end: int
    other: int
    other_start: int
    other_end: int


def pack(fingerprints: Iterable[Fingerprint]) -> bytes:
    """Fingerprints as they are stored."""
    return b"".join(_FORM.pack(*each) for each in fingerprints)


def unpack(packed: bytes) -> Iterator[Fingerprint]:
    """Fingerprints from :func:`pack`."""
    return map(Fingerprint._make, _FORM.iter_unpack(packed))


class Duplication:
    """Finds copies among files that are added one after the other.

    Only hashes that have been seen twice cost more than a few bytes, so that memory stays small
    for repositories of any size.
    """

    def __init__(self) -> None:
        self._packed: dict[int, bytes] = {}

    def add(self, file: int, packed: bytes) -> None:
        """Take in the fingerprints of a file."""
        if packed:
            self._packed[file] = packed

    def shared(self) -> Shared:
        """What is found more than once."""
        seen: set[int] = set()
        twice: set[int] = set()
        for packed in self._packed.values():
            for value, _, _ in _FORM.iter_unpack(packed):
                if value in seen:
                    twice.add(value)
                else:
                    seen.add(value)
        seen.clear()
        places: dict[int, list[Place]] = defaultdict(list)
        for file, packed in self._packed.items():
            for value, start, end in _FORM.iter_unpack(packed):
                if value in twice:
                    places[value].append(Place(file, start, end))
        return Shared(places)


class Shared:
    """The fingerprints that are found at more than one place."""

    def __init__(self, places: Mapping[int, Sequence[Place]]) -> None:
        self._lines: dict[int, set[int]] = defaultdict(set)
        self._matches: dict[int, list[tuple[Place, Place]]] = defaultdict(list)
        for found in places.values():
            for place, other in _partners(found):
                self._matches[place.file].append((place, other))
                self._lines[place.file].update(range(place.start, place.end + 1))

    def lines(self, file: int) -> int:
        """How many lines of a file are also somewhere else."""
        return len(self._lines.get(file, ()))

    def copies(self, file: int) -> list[Copy]:
        """The blocks of a file that are copies, each with one other place, in order."""
        matches = sorted(self._matches.get(file, ()))
        copies: list[Copy] = []
        for place, other in matches:
            grown = _grown(copies[-1], place, other) if copies else None
            if grown is not None:
                copies[-1] = grown
            elif not copies or place.start > copies[-1].end:
                copies.append(Copy(place.start, place.end, other.file, other.start, other.end))
        return copies


def _partners(places: Sequence[Place]) -> Iterator[tuple[Place, Place]]:
    """Each place with another one: the first that does not overlap it."""
    first = places[:_MOST_COPIES]
    for place in places:
        other = next((one for one in first if _apart(place, one)), None)
        if other is not None:
            yield place, other


def _apart(one: Place, other: Place) -> bool:
    """In one file a sequence that repeats itself at once (a table of numbers) is no copy."""
    return one.file != other.file or one.start > other.end or other.start > one.end


def _grown(copy: Copy, place: Place, other: Place) -> Copy | None:
    """The copy with a further fingerprint, if both sides go on from where they were."""
    if other.file != copy.other or place.start > copy.end + _GAP:
        return None
    if not copy.other_start <= other.start <= copy.other_end + _GAP:
        return None
    return Copy(
        copy.start,
        max(copy.end, place.end),
        copy.other,
        copy.other_start,
        max(copy.other_end, other.end),
    )


def span(copies: Iterable[Copy]) -> int:
    """How many lines the copies have together."""
    return len(set(chain.from_iterable(range(each.start, each.end + 1) for each in copies)))
