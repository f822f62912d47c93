"""Copies found by shared fingerprints."""

from __future__ import annotations

from lemnos.domains.analysis.duplication import Copy, Duplication, Fingerprint, pack, unpack


def _shared(**files: list[tuple[int, int, int]]):
    duplication = Duplication()
    for number, prints in enumerate(files.values()):
        duplication.add(number, pack(Fingerprint(*each) for each in prints))
    return duplication.shared()


def test_what_is_packed_comes_back():
    prints = [Fingerprint(2**61 - 2, 1, 9), Fingerprint(1, 2, 3)]
    assert list(unpack(pack(prints))) == prints


def test_lines_that_two_files_share():
    shared = _shared(a=[(7, 1, 10), (8, 30, 40)], b=[(7, 101, 110)])
    assert shared.lines(0) == 10
    assert shared.lines(1) == 10
    assert shared.copies(0) == [Copy(1, 10, 1, 101, 110)]


def test_neighbouring_matches_are_one_block():
    prints = [(1, 1, 10), (2, 6, 15), (3, 14, 22)]
    shared = _shared(a=prints, b=[(value, start + 50, end + 50) for value, start, end in prints])
    assert shared.copies(1) == [Copy(51, 72, 0, 1, 22)]
    assert shared.lines(1) == 22


def test_a_table_that_repeats_itself_at_once_is_no_copy():
    shared = _shared(a=[(5, 1, 10), (5, 2, 11), (5, 3, 12)])
    assert shared.lines(0) == 0


def test_a_copy_within_a_file():
    shared = _shared(a=[(5, 1, 10), (5, 40, 49)])
    assert shared.lines(0) == 20
    assert shared.copies(0) == [Copy(1, 10, 0, 40, 49), Copy(40, 49, 0, 1, 10)]


def test_generated_code_that_repeats_for_ever_takes_no_time():
    prints = [(3, line * 20, line * 20 + 10) for line in range(20_000)]
    assert _shared(a=prints, b=prints[:5]).lines(1) > 0
