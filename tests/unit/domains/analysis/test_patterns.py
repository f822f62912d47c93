"""Globs: what they match, that nothing makes them slow, and what is refused."""

from __future__ import annotations

import pytest

from lemnos.domains.analysis.patterns import MAX_LENGTH, MAX_PATTERNS, Patterns
from lemnos.kernel.errors import Invalid


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("**/*.js", "a/b/c.js", True),
        ("**/*.js", "c.js", True),
        ("**/*.js", "c.jsx", False),
        ("*.py", "deep/down/x.py", True),
        ("src/*.py", "src/x.py", True),
        ("src/*.py", "src/deep/x.py", False),
        ("src/*.py", "other/src/x.py", False),
        ("/x.py", "x.py", True),
        ("/x.py", "a/x.py", False),
        ("src", "src/a/b.c", True),
        ("src/", "a/src/b.c", True),
        ("**/node_modules/**", "web/node_modules/x/y.js", True),
        ("**/node_modules/**", "node_modules.js", False),
        ("src/**/test.ts", "src/test.ts", True),
        ("src/**/test.ts", "src/a/b/test.ts", True),
        ("**/*.{ts,tsx}", "a/b.tsx", True),
        ("**/*.{ts,tsx}", "a/b.js", False),
        ("a/[!b]*.c", "a/c1.c", True),
        ("a/[!b]*.c", "a/b1.c", False),
        ("a.b", "axb", False),
    ],
)
def test_match(pattern, path, matches):
    assert Patterns([pattern]).match(path) is matches


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 200 + "b", "a" * 4000),
        ("/".join(["**", "a"] * 100) + "/b", "/".join("a" * 2000)),
        ("**/" * 150 + "b", "/".join("a" * 2000)),
        ("?*" * 200 + "b", "a" * 4000),
    ],
)
@pytest.mark.timeout(10)
def test_no_pattern_explodes(pattern, path):
    assert not Patterns([pattern]).match(path)


@pytest.mark.parametrize(
    "patterns",
    [
        ["x"] * (MAX_PATTERNS + 1),
        ["x" * (MAX_LENGTH + 1)],
        [""],
        ["a\0b"],
        ["{a,b}" * 20],
        ["{" * 100 + ",}" * 100],
    ],
)
@pytest.mark.timeout(10)
def test_what_is_refused_names_its_field(patterns):
    with pytest.raises(Invalid) as caught:
        Patterns(patterns, field="options.include_patterns")
    assert "options.include_patterns" in caught.value.fields


def test_none_match_nothing():
    assert not Patterns([])
    assert not Patterns([]).match("a")
