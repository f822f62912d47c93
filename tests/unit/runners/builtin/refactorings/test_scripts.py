"""JavaScript and TypeScript, run by Node.js before and after."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.runners.builtin.refactorings.case import Case

SCRIPT = """\
'use strict';
const fs = require('fs');

function big(n) {
  if (n > 10) {
    return true;
  } else {
    return false;
  }
}

function sign(n) {
  if (n === 0) {
    return 'zero-value';
  } else {
    const text = n < 0 ? 'minus' : 'plus';
    return text + ':zero-value';
  }
}

function name(n) {
  if (!(n === 0)) {
    return { 'zero-value': n, text: 'zero-value' };
  } else if (n) {
    return 'zero-value';
  }
  return n > 5 ? true : false;
}

module.exports = { big, sign, name };
"""
ASKED = (
    "const s = require('./s.js'); console.log(JSON.stringify("
    "[-1, 0, 3, 12].map(n => [s.big(n), s.sign(n), s.name(n)])))"
)


def says(root: Path) -> object:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed: scripts cannot be run")
    done = subprocess.run([node, "-e", ASKED], cwd=root, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_conditions_say_the_same_with_less(case: Case) -> None:
    case.write(s_js=SCRIPT)
    before = says(case.root)

    outcome = case.refactor("simplify_conditional", "s.js")

    assert outcome.verdict == "completed", outcome
    assert says(case.root) == before
    text = case.text("s.js")
    assert "return n > 10;" in text
    assert "n !== 0" in text
    assert "const text" in text.partition("} else {")[2]  # what it declares stays inside


def test_only_at_the_place(case: Case) -> None:
    case.write(s_js=SCRIPT)

    assert case.refactor("simplify_conditional", "s.js", "big", (4, 10)).verdict == "completed"
    assert "!(n === 0)" in case.text("s.js")


def test_a_literal_becomes_a_constant(case: Case) -> None:
    case.write(s_js=SCRIPT)
    before = says(case.root)

    outcome = case.refactor("extract_constant", "s.js", literal="'zero-value'", name="ZERO_VALUE")

    assert outcome.verdict == "completed", outcome
    assert says(case.root) == before
    text = case.text("s.js")
    assert text.startswith("'use strict';\nconst ZERO_VALUE = 'zero-value';\n")
    assert "{ 'zero-value': n, text: ZERO_VALUE }" in text


def test_what_has_no_tool_says_so(case: Case) -> None:
    case.write(s_js=SCRIPT)

    assert "no tool does this for .js files" in case.refactor("move_method", "s.js").error


def test_types_of_typescript_are_no_values(case: Case) -> None:
    case.write(t_ts="type A = 'left-side';\nlet a: A = 'left-side';\nlet b = 'left-side';\n")

    outcome = case.refactor("extract_constant", "t.ts", literal="'left-side'", name="LEFT_SIDE")

    assert outcome.verdict == "completed", outcome
    assert "type A = 'left-side';" in case.text("t.ts")
    assert "let b = LEFT_SIDE;" in case.text("t.ts")
