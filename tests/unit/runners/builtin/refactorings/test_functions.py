"""Pieces taken out, conditions flattened: the same answers, and a complexity that falls."""

from __future__ import annotations

import ast

import pytest

from lemnos.runners.builtin.dataflow import complexity
from tests.unit.runners.builtin.refactorings.case import Case

GRADES = '''\
def grade(rows, bonus):
    """The grade of each row."""
    total = 0
    marks = []
    for row in rows:
        if row["kind"] == "exam":
            value = row["points"] * 2
        elif row["kind"] == "homework":
            value = row["points"]
        elif row["kind"] == "extra":
            value = bonus
        else:
            value = 0
        marks.append(value)
        total += value
    if total > 90:
        return "A", marks
    elif total > 80:
        return "B", marks
    elif total > 70:
        return "C", marks
    elif total > 60 and bonus:
        return "D", marks
    if not marks:
        return "none", marks
    return "F", marks
'''
ASKED = """\
from grades import grade
rows = lambda *points: [{"kind": k, "points": p} for k, p in points]
answer = [grade(rows(*points), bonus) for bonus in (0, 5) for points in (
    [], [("exam", 48)], [("exam", 40), ("homework", 2)], [("extra", 1), ("homework", 61)],
    [("other", 3)], [("homework", 75)],
)]
"""


def complexity_of(text: str, name: str) -> int:
    functions = {n.name: n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef)}
    return complexity(functions[name])


@pytest.mark.parametrize("kind", ["extract_function", "reduce_complexity"])
def test_a_complex_function_is_simpler_and_says_the_same(case: Case, kind: str) -> None:
    case.write(grades_py=GRADES)
    before = case.says(ASKED)

    outcome = case.refactor(kind, "grades.py", "grade")

    assert outcome.verdict == "completed", outcome
    assert case.says(ASKED) == before
    after = case.text("grades.py")
    functions = [n.name for n in ast.walk(ast.parse(after)) if isinstance(n, ast.FunctionDef)]
    worst = max(complexity_of(after, name) for name in functions)
    assert worst < complexity_of(GRADES, "grade") - 2
    assert "grade" in functions


def test_exactly_the_lines_that_are_named_are_taken_out(case: Case) -> None:
    case.write(grades_py=GRADES)
    before = case.says(ASKED)

    outcome = case.refactor("extract_function", "grades.py", "grade", start=6, end=13)

    assert outcome.verdict == "completed", outcome
    assert case.says(ASKED) == before
    helper = case.text("grades.py").partition("def _compute_value")[2].partition("\ndef ")[0]
    assert 'row["kind"] == "homework"' in helper


METHOD = """\
class Meter:
    def __init__(self):
        self.seen = []

    def read(self, value, unit):
        self.seen.append(value)
        factor = {"k": 1000, "m": 1}.get(unit, 0)
        if factor == 0:
            return None
        if value < 0 and unit == "k":
            return "negative kilo"
        if value < 0:
            return "negative"
        if value > 10 and factor > 1:
            return "much"
        if value > 10 or len(self.seen) > 5:
            return "some"
        for one in self.seen:
            if one == value and factor:
                return value * factor
        return 0
"""


def test_the_end_of_a_method_becomes_a_method(case: Case) -> None:
    case.write(meter_py=METHOD)
    asked = (
        "from meter import Meter\nm = Meter()\n"
        "answer = [m.read(v, u) for v in (-1, 0, 3, 20, 4) for u in 'kmx']"
    )
    before = case.says(asked)

    outcome = case.refactor("extract_function", "meter.py", "Meter.read")

    assert outcome.verdict == "completed", outcome
    assert case.says(asked) == before
    assert complexity_of(case.text("meter.py"), "read") < complexity_of(METHOD, "read")


NESTED = """\
def collect(rows, out):
    for row in rows:
        if row is not None:
            name = row.strip()
            if name:
                out.append(name)
                out.append(len(name))


def is_small(value):
    if value < 10:
        return True
    else:
        return False


def other(value):
    if value < 10:
        return True
    else:
        return False
"""


def test_what_a_loop_is_nested_in_becomes_a_guard_clause(case: Case) -> None:
    case.write(nested_py=NESTED)
    asked = "from nested import *\nanswer = []\ncollect(['a ', None, ' ', 'bc'], answer)"
    before = case.says(asked)

    outcome = case.refactor("reduce_complexity", "nested.py", "collect", (1, 7))

    assert outcome.verdict == "completed", outcome
    assert "if row is None:\n            continue\n" in case.text("nested.py")
    assert case.says(asked) == before


def test_only_the_conditions_at_the_place_are_made_simpler(case: Case) -> None:
    case.write(nested_py=NESTED)

    outcome = case.refactor("simplify_conditional", "nested.py", "is_small", (10, 14))

    assert outcome.verdict == "completed", outcome
    text = case.text("nested.py")
    assert "def is_small(value):\n    return value < 10\n" in text
    assert text.endswith(NESTED[NESTED.index("def other") :])
    assert case.says("from nested import *\nanswer = [is_small(3), is_small(12)]") == [True, False]


def test_a_generator_whose_every_line_yields_is_left_alone(case: Case) -> None:
    text = "def numbers(n):\n    yield n\n    yield n + 1\n    yield n + 2\n    yield n + 3\n"
    case.write(numbers_py=text)

    outcome = case.refactor("extract_function", "numbers.py", "numbers")

    assert outcome.verdict == "failed"
    assert outcome.error_class == "unsuited"
    assert "no piece of numbers" in outcome.error
    assert case.text("numbers.py") == text
