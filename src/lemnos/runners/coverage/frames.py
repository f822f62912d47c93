"""What the server and the process that reads coverage files say to each other."""

from __future__ import annotations

import msgspec

from lemnos.domains.analytics.ports import Lines


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """Read these files of a tree; ``known`` are all files of the repository."""

    root: str
    names: tuple[str, ...]
    known: tuple[str, ...]


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """One file as it was read. With a ``problem`` nothing else counts."""

    name: str
    problem: str = ""
    measured_at: int = 0
    roots: tuple[str, ...] = ()
    files: dict[str, tuple[bytes, bytes]] = {}  # the two sets of bits, little-endian

    def lines(self) -> dict[str, Lines]:
        """The files with their lines."""
        return {path: Lines(*map(_number, both)) for path, both in self.files.items()}


def packed_lines(files: dict[str, Lines]) -> dict[str, tuple[bytes, bytes]]:
    """Lines as they are sent."""
    return {path: (_bytes(each.covered), _bytes(each.runnable)) for path, each in files.items()}


def _number(field: bytes) -> int:
    return int.from_bytes(field, "little")


def _bytes(field: int) -> bytes:
    return field.to_bytes((field.bit_length() + 7) // 8, "little")
