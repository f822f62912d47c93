"""The other operations, each through the agent's process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.runners.builtin.agent import run_agent, write_tree


def test_unused_imports_go_and_what_a_package_exports_stays(tmp_path: Path):
    files = {
        "pkg/__init__.py": "from pkg.core import run\n",
        "pkg/core.py": "import os\nimport sys\n\n\ndef run():\n    return sys.argv\n",
    }
    tree = write_tree(tmp_path / "w", files)
    ran = run_agent(tree, "Remove unused imports.")
    assert ran.result["verdict"] == "completed"
    assert "import os" not in (tree / "pkg/core.py").read_text()
    assert (tree / "pkg/__init__.py").read_text() == files["pkg/__init__.py"]
    assert "pkg/__init__.py:1" in ran.result["text"]


def test_a_change_that_breaks_a_test_is_taken_back(tmp_path: Path):
    files = {
        "app.py": "import json\n",
        "test_app.py": "import unittest, app\nclass T(unittest.TestCase):\n"
        "    def test_it(self):\n        self.assertTrue(app.json)\n",
    }
    tree = write_tree(tmp_path / "w", files)
    ran = run_agent(tree, "Remove unused imports in app.py")
    assert (tree / "app.py").read_text() == "import json\n"
    assert ran.of("file_change") == []
    assert "taken back" in ran.result["text"]


def test_only_what_the_prompt_names_is_touched(tmp_path: Path):
    files = {"a/x.py": "x=1\n", "b/y.py": "y=1\n"}
    tree = write_tree(tmp_path / "w", files)
    run_agent(tree, "Format the files in a/")
    assert (tree / "a/x.py").read_text() == "x = 1\n"
    assert (tree / "b/y.py").read_text() == "y=1\n"


def test_rename_reaches_every_file(tmp_path: Path):
    files = {
        "shop/__init__.py": "",
        "shop/cart.py": (
            "class Cart:\n    def totl(self):\n        return 1\n\n\ndef totl():\n    return 2\n"
        ),
        "use.py": "from shop.cart import Cart, totl\n\nprint(Cart().totl(), totl())\n",
    }
    tree = write_tree(tmp_path / "w", files)
    ran = run_agent(tree, "rename totl to total")
    assert ran.result["verdict"] == "failed"
    assert "shop.cart.Cart.totl (shop/cart.py:2)" in ran.result["error"]
    ran = run_agent(tree, "rename cart.totl to total in shop/cart.py")
    assert ran.result["verdict"] == "completed", ran.result
    text = (tree / "use.py").read_text()
    assert text == "from shop.cart import Cart, total\n\nprint(Cart().totl(), total())\n"
    assert "def totl(self)" in (tree / "shop/cart.py").read_text()


@pytest.mark.parametrize(
    ("prompt", "path", "before", "after"),
    [
        ("rewrite: print($A) -> log($A) [python]", "a.py", "print(print(1))\n", "log(print(1))\n"),
        ("rewrite: f($$$A) -> g($$$A, 1)", "a.py", "f(a, b)\nf()\n", "g(a, b, 1)\ng(1)\n"),
        ("rewrite: var $A = $B -> let $A = $B [js]", "a.js", "var é = 1\n", "let é = 1\n"),
    ],
)
def test_rewrite(tmp_path: Path, prompt: str, path: str, before: str, after: str):
    tree = write_tree(tmp_path / "w", {path: before})
    ran = run_agent(tree, prompt)
    assert ran.result["verdict"] == "completed", ran.result
    assert (tree / path).read_text() == after


def test_unreachable_code_goes_unless_its_presence_means_something(tmp_path: Path):
    source = (
        "def f(x):\n    return x\n    print(1)\n\n\ndef g():\n    return\n    yield\n\n\n"
        "def h(x):\n    while True:\n        break\n        if x:\n"
        "            y = 1\n    return x\n"
    )
    tree = write_tree(tmp_path / "w", {"a.py": source})
    ran = run_agent(tree, "delete dead code")
    text = (tree / "a.py").read_text()
    assert "print(1)" not in text
    assert "y = 1" not in text
    assert "yield" in text
    assert "generator" in ran.result["text"]


def test_files_with_their_content_in_the_prompt(tmp_path: Path):
    tree = write_tree(tmp_path / "w", {"notes.txt": "one"})
    prompt = (
        "Create src/app.py:\n```python\nprint('hello')\n```\nthen\nappend to notes.txt: \"two\"\n"
    )
    ran = run_agent(tree, prompt)
    assert ran.result["verdict"] == "completed", ran.result
    assert (tree / "src/app.py").read_text() == "print('hello')\n"
    assert (tree / "notes.txt").read_text() == "one\ntwo\n"
    changes = {event["path"]: event["change"] for event in ran.of("file_change")}
    assert changes == {"src/app.py": "created", "notes.txt": "modified"}


@pytest.mark.parametrize("path", ["../out.txt", ".git/config", "link/out.txt"])
def test_nothing_outside_the_workspace_is_written(tmp_path: Path, path: str):
    tree = write_tree(tmp_path / "w", {".git/config": "[core]\n"})
    (tmp_path / "elsewhere").mkdir()
    (tree / "link").symlink_to(tmp_path / "elsewhere")
    ran = run_agent(tree, f"create {path}:\n```\nx\n```\n")
    assert ran.result["verdict"] == "failed"
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert not (tmp_path / "out.txt").exists()
    assert (tree / ".git/config").read_text() == "[core]\n"


def test_a_command_and_its_failure(tmp_path: Path):
    tree = write_tree(tmp_path / "w", {})
    assert run_agent(tree, "run: echo hello > made.txt").result["verdict"] == "completed"
    assert (tree / "made.txt").read_text() == "hello\n"
    ran = run_agent(tree, "run: echo no >&2; exit 3")
    assert ran.result["verdict"] == "failed"
    assert "ended with 3: no" in ran.result["error"]


def test_trailing_whitespace(tmp_path: Path):
    tree = write_tree(tmp_path / "w", {"a.txt": "a  \r\nb", "a.md": "two  \nlines\n"})
    run_agent(tree, "remove trailing whitespace")
    assert (tree / "a.txt").read_bytes() == b"a\r\nb\r\n"
    assert (tree / "a.md").read_text() == "two  \nlines\n"


def test_a_project_with_broken_ruff_settings_is_cleaned_all_the_same(tmp_path: Path):
    tree = write_tree(tmp_path / "w", {"ruff.toml": "nonsense = [", "a.py": "import os\n"})
    ran = run_agent(tree, "remove unused imports")
    assert ran.result["verdict"] == "completed", ran.result
    assert (tree / "a.py").read_text() == ""
