"""Paths of other machines find home, or nothing is counted."""

from __future__ import annotations

import pytest

from lemnos.domains.analytics.matching import matched

KNOWN = {
    "src/pkg/a.py",
    "src/pkg/b.py",
    "setup.py",
    "packages/x/src/i.ts",
    "packages/y/src/i.ts",
    "src/i.ts",
}


@pytest.mark.parametrize(
    ("reported", "roots", "expected"),
    [
        (["src/pkg/a.py"], (), ["src/pkg/a.py"]),
        (["./src//pkg/../pkg/a.py"], (), ["src/pkg/a.py"]),
        (["/here/src/pkg/a.py", "setup.py"], (), ["src/pkg/a.py", "setup.py"]),
        (["/ci/w/src/pkg/a.py", "/ci/w/src/pkg/b.py"], (), ["src/pkg/a.py", "src/pkg/b.py"]),
        (["C:\\w\\src\\pkg\\a.py"], (), ["src/pkg/a.py"]),
        (["pkg/a.py", "pkg/b.py"], (), ["src/pkg/a.py", "src/pkg/b.py"]),
        (["a.py", "b.py"], ("/ci/w/src/pkg",), ["src/pkg/a.py", "src/pkg/b.py"]),
        (["src/i.ts"], ("packages/y/coverage", "packages/y"), ["packages/y/src/i.ts"]),
        (["src/i.ts"], (), ["src/i.ts"]),
        (["src/pkg/a.py", "src/pkg/deleted.py"], (), ["src/pkg/a.py"]),
    ],
)
def test_paths_find_home(reported, roots, expected):
    found = matched(reported, KNOWN, roots, "/here")
    assert [found[path] for path in reported if path in found] == expected


@pytest.mark.parametrize(
    "reported",
    [
        ["i.ts"],  # three files could be meant
        ["/other/x.py", "/other/y.py", "/other/setup.py"],  # hardly any is here
        ["../outside.py"],
        ["/etc/passwd"],
        [""],
        [],
    ],
)
def test_what_is_not_ours_is_not_counted(reported):
    assert matched(reported, KNOWN, (), "/here") == {}
