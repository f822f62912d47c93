from __future__ import annotations

import pytest

from lemnos.runners.builtin.operations.base import BadInstruction
from lemnos.runners.builtin.planner import selected_by


@pytest.mark.parametrize(
    ("prompt", "names"),
    [
        ("Fix the failing tests in the auth module", ["failing tests"]),
        ("make all tests pass again", ["failing tests"]),
        ("Remove unused imports", ["unused imports and variables"]),
        ("remove dead imports and sort the imports",
         ["unused imports and variables", "import order"]),
        ("Format the code", ["formatting"]),
        ("split the long functions", ["long functions"]),
        ("Extract helpers out of this function", ["long functions"]),
        ("Please clean up", ["unused imports and variables", "import order", "formatting"]),
        ("modernise the syntax", ["current syntax"]),
        ("rename shop.totl to total in shop.py", ["rename shop.totl to total"]),
        ("rewrite: print($A) -> log($A) [python]", ["rewrite `print($A)`"]),
        ("delete unreachable code", ["unreachable code"]),
        ("run: make check", ["run `make check`"]),
        ('append to notes.txt: "one more"', ["append to notes.txt"]),
    ],
)  # fmt: skip
def test_phrases(prompt: str, names: list[str]):
    assert [operation.name for operation in selected_by(prompt)] == names


def test_words_inside_a_fence_are_content_and_no_instructions():
    prompt = "create notes.md:\n```\nfix the failing tests, run the formatter\n```\n"
    assert [operation.name for operation in selected_by(prompt)] == ["write notes.md"]


@pytest.mark.parametrize(
    "prompt", ["Add OAuth login to the web app", "What does this project do?", "Translate the docs"]
)
def test_what_takes_thought_selects_nothing(prompt: str):
    assert selected_by(prompt) == []


@pytest.mark.parametrize(
    ("prompt", "word"),
    [("rename total to class", "keyword"), ("rewrite: a -> b [cobol]", "cobol")],
)
def test_bad_instructions_say_what_is_wrong(prompt: str, word: str):
    with pytest.raises(BadInstruction, match=word):
        selected_by(prompt)
