"""Winnowing: what its authors guarantee, tried on real code."""

from __future__ import annotations

import random

from lemnos.domains.analysis.duplication import Duplication, unpack
from lemnos.runners.analysis.tokens import GRAM, WINDOW, Tokens, fingerprints
from tests.unit.runners.analysis.sources import facts_of


def _tokens(words: list[str]) -> Tokens:
    seen = Tokens(("#",))
    for _ in seen.tapped([part for word in words for part in (word, "\n")]):
        pass
    return seen


def _words(seed: int, count: int) -> list[str]:
    noise = random.Random(seed)
    return [f"n{noise.randrange(1000)}" for _ in range(count)]


def test_a_hundred_shared_tokens_are_always_found():
    shared = _words(0, GRAM + WINDOW - 1)
    for seed in range(1, 30):
        one = {p.hash for p in unpack(fingerprints(_tokens(_words(seed, 77) + shared)))}
        other = {
            p.hash for p in unpack(fingerprints(_tokens(_words(-seed, 31) + shared + ["end"])))
        }
        assert one & other


def test_fewer_tokens_than_a_gram_are_never_found():
    shared = _words(0, GRAM - 1)
    one = {p.hash for p in unpack(fingerprints(_tokens(_words(1, 200) + shared + _words(2, 200))))}
    other = {
        p.hash for p in unpack(fingerprints(_tokens(_words(3, 200) + shared + _words(4, 200))))
    }
    assert not one & other


def test_only_few_of_all_grams_are_kept():
    kept = len(fingerprints(_tokens(_words(0, 10_000)))) / 16
    assert kept < 10_000 * 2 / (WINDOW + 1) * 1.2  # the density that the paper proves


FUNCTION = "def f{n}(a, b):\n" + "".join(f"    x{i} = a[{i}] + b.c{i}\n" for i in range(20))


def test_comments_and_blank_lines_hide_no_copy():
    plain = FUNCTION.format(n=1)
    spread = "# a remark\n" + FUNCTION.format(n=1).replace("\n", "  # note\n\n")
    duplication = Duplication()
    for number, text in enumerate((plain, spread)):
        duplication.add(number, facts_of("python", text).fingerprints)
    assert duplication.shared().lines(0) >= 15


def test_other_code_is_no_copy():
    duplication = Duplication()
    duplication.add(0, facts_of("python", FUNCTION).fingerprints)
    duplication.add(1, facts_of("python", FUNCTION.replace(".c", ".d")).fingerprints)
    assert duplication.shared().lines(0) == 0


def test_hashes_are_the_same_in_every_process():
    (first,) = list(unpack(fingerprints(_tokens([f"t{n}" for n in range(GRAM)]))))
    assert first.hash == 756142043058467745
