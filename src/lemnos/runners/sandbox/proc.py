"""The processes of this machine, as /proc tells of them (proc(5))."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias


class Place(NamedTuple):
    """Where a process stands among the others."""

    parent: int
    group: int


Processes: TypeAlias = Mapping[int, Place]


def processes() -> dict[int, Place]:
    """Every process of the host, from proc(5), stat. Blocks for some 15 µs each."""
    table = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    stat = file.read()
            except OSError:
                continue
            _, parent, group, _ = stat.rpartition(b")")[2].split(maxsplit=3)
            table[int(name)] = Place(int(parent), int(group))
    return table


def descendants(root: int, table: Processes) -> tuple[int, ...]:
    """All processes below one, nearest first."""
    children: dict[int, list[int]] = {}
    for pid, place in table.items():
        children.setdefault(place.parent, []).append(pid)
    found = [root]
    for pid in found:
        found += children.get(pid, ())
    return tuple(found[1:])


def is_zombie(pid: int) -> bool:
    """Whether a process has ended, and only waits to be reaped, or has gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split(maxsplit=1)[0] in b"ZX"
    except OSError:
        return True
