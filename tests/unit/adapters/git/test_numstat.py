"""The parser of git's log, in whatever pieces it comes."""

from __future__ import annotations

import pytest

from lemnos.adapters.git.numstat import NumstatParser
from lemnos.domains.analytics.ports import Author, FileChange
from lemnos.kernel.clock import SECOND

# As git 2.39 has written it: a rename, an empty commit, a binary file, names with anything in them.
LOG = (
    b"\x0120\ta@x\tAnn\0\n0\t0\t\0old\nname\0\x01new\xff\0"
    b"-\t-\tbin\0"
    b"\x0115\ta@x\tAnn\0"
    b"\x0110\tb@x\tB\tob\0\n3\t1\ta\tb.py\0" + b'2\t0\t"quoted"\0'
)
EXPECTED = [
    (
        Author("a@x", "Ann"),
        20 * SECOND,
        [FileChange("\x01new\ufffd", 0, 0, "old\nname"), FileChange("bin", 0, 0)],
    ),
    (Author("a@x", "Ann"), 15 * SECOND, []),
    (
        Author("b@x", "B\tob"),
        10 * SECOND,
        [FileChange("a\tb.py", 3, 1), FileChange('"quoted"', 2, 0)],
    ),
]


@pytest.mark.parametrize("size", [1, 2, 3, 7, len(LOG)])
def test_commits_come_whole_however_the_pieces_are(size):
    seen = []
    parser = NumstatParser(lambda *commit: seen.append(commit))
    for start in range(0, len(LOG), size):
        parser.feed(LOG[start : start + size])
    parser.end()
    assert seen == EXPECTED


def test_nothing_is_no_commit():
    parser = NumstatParser(lambda *_: pytest.fail("there is none"))
    parser.end()
    parser.feed(b"")
    parser.end()


def test_a_commit_without_a_name_or_from_the_end_of_time():
    seen = []
    parser = NumstatParser(lambda *commit: seen.append(commit))
    parser.feed(b"\x0199999999999999999\tx@y\t\0")
    parser.end()
    ((author, at, _),) = seen
    assert author == Author("x@y", "x@y")
    assert at == 253_402_300_799 * SECOND
