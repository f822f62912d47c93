"""Entries, the hash that chains them, and what a check of a chain may find."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import msgspec

from lemnos.platform.db import Row

START = "0" * 64  # what the first entry of a chain has for its predecessor's hash

Fault = Literal["removed", "changed", "reordered", "head"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A sealed entry. ``ts`` in microseconds, ``detail`` a JSON object, hashes in hex.

    ``outcome`` is ``ok`` or the code of the error with which an attempt was refused.
    """

    tenant: str
    seq: int
    ts: int
    actor: str
    action: str
    target: str
    request_id: str
    remote: str
    outcome: str
    detail: str
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain. Kept elsewhere, it proves what the chain was up to there."""

    tenant: str
    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a walk along a chain found: how many entries hold, and the first that does not.

    ``fault`` says what is wrong at ``broken_seq``: the entry was ``removed`` or ``changed``; it
    does not follow its predecessor (``reordered``, or the predecessor was replaced); or the
    ``head`` or anchor is not that of this chain. ``unsealed`` counts entries not in it yet.
    """

    tenant: str
    checked: int
    head: Head
    unsealed: int
    broken_seq: int | None = None
    fault: Fault | None = None

    @property
    def intact(self) -> bool:
        """Whether nothing is missing, changed or out of order."""
        return self.broken_seq is None


def entry_hash(row: Row, seq: int, prev_hash: str) -> str:
    """SHA-256, in hex, over a JSON array in UTF-8 without spaces.

    The array is ``[prev_hash, tenant, seq, ts, actor, action, target, request_id, remote,
    outcome, detail]``: strings and integers only, escaped as RFC 8785 has it, so that any
    language can compute it again.
    """
    fields = (
        prev_hash,
        row["tenant"],
        seq,
        row["ts"],
        row["actor"],
        row["action"],
        row["target"],
        row["request_id"],
        row["remote"],
        row["outcome"],
        row["detail"],
    )
    return sha256(msgspec.json.encode(fields)).hexdigest()
