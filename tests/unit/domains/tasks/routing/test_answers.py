"""What is read from answers: of agents that keep to the form, nearly do, or do not at all."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemnos.domains.tasks.model import TaskType
from lemnos.domains.tasks.routing.answers import read_answer
from lemnos.domains.tasks.routing.model import Finding, Order, OrderResult
from lemnos.domains.tasks.routing.prompts import prompt_of
from lemnos.domains.workspaces.ports import Diff, FileChange

T = TaskType
FORMED = """I looked at the project first.

## Explanation
A router with one route.

It answers 401 where that is due.

## Code
```javascript
const a = 1;

## not a heading
```

## Suggestions
- Add input validation
- Add rate limiting
"""
ADDED = """diff --git a/app.py b/app.py
new file mode 100644
index 0000000..1111111
--- /dev/null
+++ b/app.py
@@ -0,0 +1,2 @@
+import os
+print(os)
"""
SECOND = """diff --git a/lib/b.py b/lib/b.py
new file mode 100644
index 0000000..1111111
--- /dev/null
+++ b/lib/b.py
@@ -0,0 +1 @@
+X = 1
"""


def read(text: str, kind: TaskType = T.CODE_GENERATION, diff: Diff | None = None) -> OrderResult:
    return read_answer(kind, text, diff, empty_start=diff is not None)


def diff_of(text: str) -> Diff:
    return Diff((FileChange("x", "added", 1, 0),), text, truncated=False)


def test_an_answer_in_the_form() -> None:
    result = read(FORMED)
    assert result.code == "const a = 1;\n\n## not a heading"
    assert result.language == "javascript"
    assert result.explanation == "A router with one route.\n\nIt answers 401 where that is due."
    assert result.suggestions == ("Add input validation", "Add rate limiting")
    assert result.text == FORMED


def test_an_answer_without_any_form_is_the_explanation() -> None:
    result = read("I changed the parser.\nAll tests pass.")
    assert result.explanation == "I changed the parser.\nAll tests pass."
    assert (result.code, result.suggestions, result.findings) == ("", (), ())


def test_the_longest_block_is_the_code_and_the_rest_explains() -> None:
    text = "Run it:\n```console\n$ make a long command line\n```\nHere:\n```py\nx = 1\n```"
    result = read(text + "\n```py\nprint('hello')\n```\nDone.")
    assert (result.code, result.language) == ("print('hello')", "py")
    assert result.explanation == "Run it:\nHere:\nDone."


@pytest.mark.parametrize("heading", ["### Next steps", "**Suggestions**", "Recommendations:"])
def test_suggestions_under_other_names(heading: str) -> None:
    assert read(f"Done.\n\n{heading}\n1. one\n2) two\n\n# Details\n- no").suggestions == (
        "one",
        "two",
    )


def test_new_files_are_the_code_where_there_was_nothing_before() -> None:
    one = read("Done.", diff=diff_of(ADDED))
    assert (one.code, one.language) == ("import os\nprint(os)", "py")
    two = read("Done.", diff=diff_of(ADDED + SECOND))
    assert two.code == "=== app.py ===\nimport os\nprint(os)\n=== lib/b.py ===\nX = 1"
    assert read(FORMED, diff=diff_of(ADDED)).code.startswith("const a")


def test_changes_of_a_repository_are_a_diff_not_code() -> None:
    diff = diff_of(ADDED)
    result = read_answer(T.DEBUGGING, "Done.", diff, empty_start=False)
    assert (result.code, result.diff) == ("", diff)


def test_a_block_that_was_cut_off_counts() -> None:
    assert read("```go\npackage main").code == "package main"


def test_findings_as_json() -> None:
    listed = '[{"severity": "High", "file": "a.py", "line": "7", "message": "SQL", "fix": "b"}, 5]'
    for text in (f"## Findings\n```json\n{listed}\n```", f"Here it is:\n```\n{listed}\n```"):
        result = read(text, T.SECURITY_ANALYSIS)
        assert result.findings == (Finding("SQL", "high", "a.py", 7, "b"),)
        assert result.code == ""


def test_findings_as_a_list() -> None:
    text = "## Issues\n- **[critical]** src/db.py:12 - a query from input\n- names are short"
    result = read(text, T.CODE_REVIEW)
    assert result.findings == (
        Finding("a query from input", "critical", "src/db.py", 12),
        Finding("names are short"),
    )


def test_labelled_items_of_a_review_without_a_section() -> None:
    text = "I read it all.\n- Medium: no timeout\n- I liked the tests"
    assert read(text, T.CODE_REVIEW).findings == (Finding("no timeout", "medium"),)
    assert read(text, T.DEBUGGING).findings == ()


def test_a_whole_document() -> None:
    result = read('{"code": "x = 1", "explanation": null, "suggestions": ["a", 2]}')
    assert (result.code, result.explanation, result.suggestions) == ("x = 1", "", ("a", "2"))


@given(st.text(max_size=400), st.sampled_from(list(TaskType)))
def test_nothing_that_is_said_fails_or_is_lost(text: str, kind: TaskType) -> None:
    assert read_answer(kind, text, diff_of(text), empty_start=True).text == text


@pytest.mark.parametrize("piece", ["- [", "```", "# ", "a.", "**", "[[{", "  \n", "x:\n"])
def test_no_answer_takes_long_to_read(piece: str) -> None:
    begun = time.process_time()
    read(piece * (100_000 // len(piece)), T.CODE_REVIEW)
    assert time.process_time() - begun < 5  # what backtracks takes minutes


def test_a_prompt_says_what_is_known_and_how_to_answer() -> None:
    order = Order(
        T.CODE_GENERATION,
        "An endpoint for sign-in",
        context={"repository": "my-app", "files": ["src/auth.js"], "framework": "express", "k": 1},
    )
    prompt = prompt_of(order)
    assert prompt.startswith("An endpoint for sign-in\n")
    for part in ("Project: my-app", "Framework: express", "- src/auth.js", "k: 1", "## Code"):
        assert part in prompt
    assert "empty repository" in prompt


def test_a_review_is_asked_for_findings() -> None:
    prompt = prompt_of(Order(T.CODE_REVIEW, "Look at it", repo_url="https://x.test/r.git"))
    assert "## Findings" in prompt
    assert "Change no file" in prompt
    assert "empty repository" not in prompt
