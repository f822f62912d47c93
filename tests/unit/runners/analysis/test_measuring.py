"""Measures of one file in each language, and files that can't be measured."""

from __future__ import annotations

import pytest

from lemnos.runners.analysis.languages import LANGUAGES, language_of
from tests.unit.runners.analysis.sources import SAME, facts_of


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_the_same_function_has_the_same_measures_in_each_language(language):
    facts = facts_of(language, SAME[language])
    assert facts.problem == ""
    assert (facts.functions, facts.cyclomatic, facts.cognitive, facts.nesting) == (1, 5, 8, 3)


@pytest.mark.parametrize(
    ("text", "cognitive"),
    [
        ("if (a) {} else if (b) {} else {}", 3),  # hybrid arms nest no deeper
        ("while (a) { if (b) { } }", 3),
        ("x = a && b && c;", 1),
        ("x = a && b || c;", 2),
        ("x = a && !(b && c);", 2),
        ("x = a ? b : c ? d : e;", 3),
        ("switch (a) { case 1: break; case 2: break; }", 1),
        ("try { f(); } catch (e) { if (a) {} }", 3),
        ("out: for (;;) { break out; }", 2),
        ("g(() => { if (a) {} });", 2),  # a lambda nests, and belongs to what is around it
        ("do { } while (a);", 1),
    ],
)
def test_cognitive_complexity_by_the_published_rules(text, cognitive):
    assert facts_of("javascript", f"function f(a, b) {{ {text} }}").cognitive == cognitive


def test_lines_of_code_are_neither_empty_nor_comments():
    facts = facts_of("python", "# one\n\nx = 1\n\n# two\ny = [\n    2,\n]\n")
    assert (facts.lines, facts.lines_of_code) == (8, 4)


@pytest.mark.parametrize(
    ("language", "text", "counts"),
    [
        ("python", 'def a():\n    "Doc."\n\ndef b():\n    pass\n\ndef _c():\n    pass\n', (2, 1)),
        ("python", 'class A:\n    """Doc."""\n    def b(self):\n        pass\n', (2, 1)),
        ("javascript", "/** Doc. */\nexport function a() {}\nfunction b() {}\n", (2, 1)),
        ("go", "package x\n// A is one.\nfunc A() {}\nfunc B() {}\nfunc c() {}\n", (2, 1)),
        ("java", "/** Doc. */\npublic class A { public void b() {} void c() {} }", (2, 1)),
        ("rust", "/// Doc.\npub fn a() {}\npub fn b() {}\nfn c() {}\n", (2, 1)),
        ("c", "// Doc.\nint a(void) { return 1; }\nstatic int b(void) { return 2; }\n", (1, 1)),
    ],
)
def test_documentation_counts_what_is_public(language, text, counts):
    facts = facts_of(language, text)
    assert (facts.documentable, facts.documented) == counts


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"x = '\xff\xfe'\n", "not valid UTF-8, see line 1"),
        (b"def f(:\n  pass\n" * 20, "not valid python"),
        (b"\0\1\2" * 100, "binary"),
        (b"x = 1;" * 10_000, "minified"),
        (b"x" * 2_000_000, "not measured"),
    ],
)
def test_what_cannot_be_measured_says_why(content, problem):
    assert problem in facts_of("python", content).problem


def test_broken_code_of_other_languages_is_reported():
    assert "not valid go" in facts_of("go", "]]]] ((( func {{{{ )))" * 20).problem


def test_a_byte_order_mark_and_carriage_returns_are_no_problem():
    facts = facts_of("python", b"\xef\xbb\xbfx = 1\r\ny = 2\r\n")
    assert (facts.problem, facts.lines_of_code) == ("", 2)


def test_an_empty_file_has_nothing():
    facts = facts_of("python", "")
    assert (facts.problem, facts.lines, facts.functions) == ("", 0, 0)


def test_decorators_do_not_part_a_function_from_its_measures():
    text = "@a\n@b(1)\ndef f(x):\n    if x:\n        if x:\n            return 1\n"
    assert facts_of("python", text).cognitive == 3


@pytest.mark.parametrize(
    ("path", "language"),
    [("a/b.py", "python"), ("A.JS", "javascript"), ("x.h", "cpp"), ("README.md", ""), ("py", "")],
)
def test_language_by_name(path, language):
    assert language_of(path) == language
