"""The demo's repository: broken before, mended after, the same behaviour in between."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from lemnos.runners.builtin import ruff
from lemnos.runners.builtin.pieces import functions_of, length
from lemnos.runners.builtin.sample import LONG_FUNCTION, PROMPT, write_sample
from tests.unit.runners.builtin.agent import run_agent

QUOTES = """
import itertools, json
from orders.pricing import quote
items = [[], [("nail", 5)], [("nail", 100)], [("anvil", 3)], [("hammer", 50), ("tongs", 1)],
         [("sword", 1)], [("nail", 0)]]
answers = []
choices = [items, ["DE", "GR", "XX"], [None, "SPRING", "NO"], [True, False]]
for arguments in itertools.product(*choices):
    try:
        answers.append(quote(*arguments))
    except ValueError as error:
        answers.append(str(error))
print(json.dumps(answers))
"""


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    write_sample(tmp_path / "sample")
    return tmp_path / "sample"


def unittest_of(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "unittest"], cwd=folder, capture_output=True, text=True, check=False
    )


def quotes_of(folder: Path) -> list[object]:
    command = [sys.executable, "-c", QUOTES]
    answers: list[object] = json.loads(subprocess.check_output(command, cwd=folder))
    return answers


def long_function(folder: Path) -> int:
    module = ast.parse((folder / "orders/pricing.py").read_text())
    return length(dict(functions_of(module))[LONG_FUNCTION])


def test_the_sample_is_mended(sample: Path):
    before = unittest_of(sample)
    assert "failures=0" not in before.stderr
    assert "FAILED (errors=2)" in before.stderr
    assert len(ruff.check(sample, "F401")) == 5
    quotes, lines = quotes_of(sample), long_function(sample)

    ran = run_agent(sample, PROMPT)

    assert ran.result["verdict"] == "completed", ran.result
    after = unittest_of(sample)
    assert after.returncode == 0, after.stderr
    assert ruff.check(sample, "F401") == []
    assert long_function(sample) < lines - 5
    assert quotes_of(sample) == quotes
    assert len(quotes) == 7 * 3 * 3 * 2
    changed = {event["path"] for event in ran.of("file_change")}
    assert changed == {"orders/catalog.py", "orders/pricing.py", "orders/receipt.py"}
    assert ran.result["report"]["tests_before"] == "6 passed, 2 failed"
    assert ran.result["report"]["tests_after"] == "8 passed, 0 failed"


def test_a_second_run_finds_nothing_left_to_do(sample: Path):
    run_agent(sample, PROMPT)
    again = run_agent(sample, PROMPT)
    assert again.result["verdict"] == "completed"
    assert again.of("file_change") == []
    assert again.result["text"].startswith("Changed nothing.")
