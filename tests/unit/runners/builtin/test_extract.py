"""Extraction: what is taken out, what is not, and that nothing changes its meaning."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from lemnos.runners.builtin.pieces import Limits, functions_of, length, pieces_of
from tests.unit.runners.builtin.agent import run_agent, write_tree

PROMPT = "Split functions longer than 10 lines."

REPORT = '''\
class Report:
    def render(self, rows):
        """A table as text."""
        # Measure the columns
        widths = []
        for row in rows:
            for place, cell in enumerate(row):
                if place == len(widths):
                    widths.append(0)
                widths[place] = max(widths[place], len(str(cell)))

        # Write the lines
        lines = []
        for row in rows:
            cells = []
            for place, cell in enumerate(row):
                cells.append(str(cell).ljust(widths[place]))
            lines.append(self.separator.join(cells).rstrip())
        return "\\n".join(lines)

    separator = " | "
'''


def function(source: str) -> ast.FunctionDef | ast.AsyncFunctionDef:
    return next(functions_of(ast.parse(source)))[1]


def test_a_method_is_split_by_its_comments(tmp_path: Path):
    tree = write_tree(tmp_path / "w", {"report.py": REPORT})
    rows = [["a", 1], ["bcd", 22]]
    before: dict[str, type] = {}
    exec(REPORT, before)

    ran = run_agent(tree, PROMPT)

    assert ran.result["verdict"] == "completed", ran.result
    after: dict[str, type] = {}
    text = (tree / "report.py").read_text()
    exec(text, after)
    assert after["Report"]().render(rows) == before["Report"]().render(rows)
    assert "def _measure_columns(self, rows):" in text or "def _measure_columns(rows):" in text
    assert '"""Measure the columns."""' in text
    assert "# Measure the columns" not in text
    assert length(dict(functions_of(ast.parse(text)))["Report.render"]) <= 10
    assert "No tests were run." in ran.result["text"]


def test_tests_that_would_fail_take_the_extraction_back(tmp_path: Path):
    # The test looks at what the function calls, which no extraction can keep.
    test = (
        "import unittest, report\nclass T(unittest.TestCase):\n    def test_it(self):\n"
        "        names = report.Report.render.__code__.co_names\n"
        "        self.assertEqual([n for n in names if n.startswith('_')], [])\n"
    )
    tree = write_tree(tmp_path / "w", {"report.py": REPORT, "test_report.py": test})
    ran = run_agent(tree, PROMPT)
    assert (tree / "report.py").read_text() == REPORT
    assert ran.of("file_change") == []
    assert "Left alone:" in ran.result["text"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            "    for x in xs:\n        if x:\n            return x\n        a = x\n", id="return"
        ),
        pytest.param(
            "    # Add up\n    for x in xs:\n        a = x\n        yield a\n", id="yield"
        ),
        pytest.param("    # Look\n    y = 1\n    z = 2\n    q = locals()\n", id="locals"),
    ],
)
def test_what_is_bound_to_its_place_stays(body: str):
    source = f"def f(xs):\n    first = 1\n{body}    print(a, first)\n    print(1)\n    print(2)\n"
    lines = body.count("\n") + 2
    for piece in pieces_of(function(source), source, Limits(lines=3)):
        assert not (piece.first <= 3 and piece.last >= lines), piece


def test_what_a_branch_may_leave_unset_is_no_output():
    source = (
        "def f(xs):\n    # Find the first\n    for x in xs:\n        if x:\n"
        "            found = x\n            break\n    print(1)\n    print(2)\n    return found\n"
    )
    assert pieces_of(function(source), source, Limits(lines=3)) == []


def test_without_a_name_that_says_what_it_does_nothing_is_taken_out(tmp_path: Path):
    lines = "".join(f"    print({n})\n" for n in range(30))
    tree = write_tree(tmp_path / "w", {"a.py": f"def f():\n{lines}"})
    ran = run_agent(tree, PROMPT)
    assert ran.result["verdict"] == "completed"
    assert "f has 30 lines" in ran.result["text"]
    assert ran.of("file_change") == []
