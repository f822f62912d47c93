"""What analysers find in one file alone: a pure function of its content and language.

Facts are kept by content and read by the ten thousand, so they are arrays in MessagePack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec


class Finding(msgspec.Struct, frozen=True, array_like=True):
    """Something that could be improved, before the rest of the repository is looked at.

    ``measure`` would fall by ``percent``. ``data`` is what a tool needs to carry it out.
    """

    type: str  # a model.OpportunityType
    symbol: str
    start: int
    end: int
    description: str
    measure: str
    percent: float
    data: Mapping[str, object]


class Import(msgspec.Struct, frozen=True, array_like=True):
    """What a file imports, as written. ``level`` counts the leading dots of Python."""

    target: str
    names: tuple[str, ...] = ()
    level: int = 0


class Facts(msgspec.Struct, frozen=True, array_like=True):
    """One file by itself. With a ``problem`` nothing else counts.

    ``cyclomatic``, ``cognitive`` and ``nesting`` are those of the worst function.
    ``fingerprints`` are packed by ``duplication.pack``.
    """

    problem: str = ""
    lines: int = 0
    lines_of_code: int = 0
    functions: int = 0
    cyclomatic: int = 0
    cognitive: int = 0
    nesting: int = 0
    documentable: int = 0
    documented: int = 0
    package: str = ""  # Java's package, C#'s first namespace
    imports: tuple[Import, ...] = ()
    fingerprints: bytes = b""
    findings: msgspec.Raw = msgspec.Raw(b"\x90")  # read by :func:`findings_of` when they are needed


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Facts).decode
_decode_findings = msgspec.msgpack.Decoder(tuple[Finding, ...]).decode


def packed(facts: Facts) -> bytes:
    """Facts as they are stored and sent between processes."""
    return _encode(facts)


def unpacked(content: bytes) -> Facts:
    """Facts from :func:`packed`. Raises ``msgspec.MsgspecError`` for anything else."""
    return _decode(content)


def packed_findings(found: Sequence[Finding]) -> msgspec.Raw:
    """Findings as they stand in facts."""
    return msgspec.Raw(_encode(found))


def findings_of(packed_ones: msgspec.Raw) -> tuple[Finding, ...]:
    """The findings of facts."""
    return _decode_findings(packed_ones)
