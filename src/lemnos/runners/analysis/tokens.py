"""Tokens of a file: fingerprints by which copies are found, and literals that are repeated.

The tokens are lizard's, which reads all our languages. Copies are found by winnowing, S. Schleimer,
D. Wilkerson and A. Aiken, "Winnowing: local algorithms for document fingerprinting", SIGMOD 2003:
of the hashes of all sequences of ``GRAM`` tokens, the least of each ``WINDOW`` in a row is kept. So
two files that share ``GRAM + WINDOW - 1`` = 100 tokens share a fingerprint, which is what PMD's CPD
takes for a copy; and none shorter than ``GRAM`` is ever found. White space and comments do not
count; names and literals do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from typing import NamedTuple

from lemnos.domains.analysis.duplication import Fingerprint, pack

GRAM = 50
WINDOW = 51
_BASE = 1_000_003
_MODULUS = (1 << 61) - 1  # a Mersenne prime: Karp and Rabin's rolling hash, without overflow
_FIRST = pow(_BASE, GRAM - 1, _MODULUS)
_QUOTES = "\"'`"
_REMEMBERED = 1 << 17  # tokens
_SHORT = 200  # characters of a token that is remembered


class _Kind(NamedTuple):
    """What is to be known of a token wherever it stands."""

    hash: int  # 0 for what does not count
    feeds: int  # line feeds in it
    literal: bool


@dataclass(slots=True)
class Tokens:
    """What :func:`tapped` has seen: a hash and a line for each token, and lines of literals."""

    comments: tuple[str, ...]
    hashes: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    literals: dict[str, list[int]] = field(default_factory=dict)

    def tapped(self, tokens: Iterable[str]) -> Iterator[str]:
        """The same tokens, noted on their way. Written for speed: there are millions."""
        known = _kinds(self.comments)
        add_hash, add_line = self.hashes.append, self.lines.append
        line = 1
        for token in tokens:
            found = known.get(token) or _remembered(known, token, self.comments)
            value, feeds, literal = found
            if value:
                add_hash(value)
                add_line(line)
                if literal:
                    self.literals.setdefault(token, []).append(line)
            line += feeds
            yield token

    @property
    def lines_of_code(self) -> int:
        """Lines on which a token begins: not empty, and more than a comment."""
        return len(set(self.lines))


def comment_marks(language: str) -> tuple[str, ...]:
    """How tokens that are comments begin."""
    return ("#",) if language in ("python", "ruby") else ("//", "/*")


def fingerprints(tokens: Tokens) -> bytes:
    """The fingerprints of a file in order of their place, packed.

    The first and the last sequence are always among them, so that a whole copy is seen whole.
    """
    grams = list(_grams(tokens.hashes))
    ends = {0, len(grams) - 1} if grams else set()
    return pack(
        Fingerprint(grams[at], tokens.lines[at], tokens.lines[at + GRAM - 1])
        for at in sorted(ends.union(_least(grams)))
    )


def _grams(hashes: Sequence[int]) -> Iterator[int]:
    """The rolling hash of each sequence of tokens."""
    if len(hashes) < GRAM:
        return
    value = 0
    for each in hashes[:GRAM]:
        value = (value * _BASE + each) % _MODULUS
    yield value
    for gone, new in zip(hashes, hashes[GRAM:], strict=False):
        value = ((value - gone * _FIRST) * _BASE + new) % _MODULUS
        yield value


def _least(grams: Sequence[int]) -> Iterator[int]:
    """Places of the least hash of each window, the rightmost of equal ones, each place once."""
    if not grams:
        return
    window = min(WINDOW, len(grams))
    kept = -1
    for end in range(window, len(grams) + 1):
        start = end - window
        newest = end - 1
        if kept < start:  # the least one has left the window: look for the next
            best = min(grams[start:end])
            kept = newest
            while grams[kept] != best:
                kept -= 1
        elif grams[newest] <= grams[kept]:
            kept = newest
        else:
            continue
        yield kept


@cache
def _kinds(_comments: tuple[str, ...]) -> dict[str, _Kind]:
    """Tokens that have been seen, of all languages with the same comments: most come again."""
    return {}


def _remembered(known: dict[str, _Kind], token: str, comments: tuple[str, ...]) -> _Kind:
    if len(known) >= _REMEMBERED:
        known.clear()
    first = token[:1]
    feeds = token.count("\n")
    if not first or first.isspace() or token.startswith(comments):
        kind = _Kind(0, feeds, literal=False)
    else:
        kind = _Kind(_hash(token), feeds, first in _QUOTES or first.isdigit())
    if len(token) <= _SHORT:
        known[token] = kind
    return kind


def _hash(token: str) -> int:
    """The same in every process, unlike Python's own hash of strings; never 0."""
    digest = blake2b(token.encode(errors="surrogatepass"), digest_size=7).digest()
    return int.from_bytes(digest, "big") + 1
