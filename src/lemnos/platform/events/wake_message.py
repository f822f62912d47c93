"""What nodes say to each other: the names of streams that grew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec


def packed(streams: Sequence[str], node: str, longest: int) -> Iterator[str]:
    """The names as few JSON arrays ``[node, stream, …]``, each short enough to be sent."""
    part = [node]
    size = len(node) + 4
    for stream in streams:
        cost = len(msgspec.json.encode(stream)) + 1
        if size + cost > longest and len(part) > 1:
            yield msgspec.json.encode(part).decode()
            part, size = [node], len(node) + 4
        part.append(stream)
        size += cost
    yield msgspec.json.encode(part).decode()


def opened(payload: str | bytes, node: str) -> list[str]:
    """The names in a message, none if this node sent it itself."""
    sender, *streams = msgspec.json.decode(payload, type=list[str])
    return [] if sender == node else streams
