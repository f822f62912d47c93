"""Each kind of repair, on a project of its own; the agent's verdict is the tests'."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.runners.builtin.agent import run_agent, write_tree

PROMPT = "Fix the failing tests."


def check(body: str, imports: str = "from app import *") -> str:
    indented = "\n".join(f"        {line}" for line in body.splitlines())
    return (
        f"import unittest\n{imports}\n\nclass T(unittest.TestCase):\n"
        f"    def test_it(self):\n{indented}\n"
    )


@pytest.mark.parametrize(
    ("app", "test", "mended"),
    [
        pytest.param(
            "def parse(text):\n    return json.loads(text)\n",
            check("self.assertEqual(parse('[1]'), [1])"),
            "import json",
            id="missing-import-of-a-module",
        ),
        pytest.param(
            "def half(n):\n    return Fraction(n, 2)\n",
            check("self.assertEqual(half(4), 2)"),
            "from fractions import Fraction",
            id="missing-import-of-a-well-known-name",
        ),
        pytest.param(
            "def total(items):\n    amount = sum(items)\n    return amuont\n",
            check("self.assertEqual(total([1, 2]), 3)"),
            "return amount",
            id="misspelled-name",
        ),
        pytest.param(
            "def total(items):\n    count = 0\n    for i in items:\n        conut += i\n"
            "    return count\n",
            check("self.assertEqual(total([1, 2]), 3)"),
            "count += i",
            id="misspelled-target",
        ),
        pytest.param(
            "def shout(text):\n    return text.uper()\n",
            check("self.assertEqual(shout('a'), 'A')"),
            "text.upper()",
            id="misspelled-method-of-a-builtin",
        ),
        pytest.param(
            "class Cart:\n    def __init__(self):\n        self.items = [1]\n"
            "    def size(self):\n        return len(self.itms)\n",
            check("self.assertEqual(Cart().size(), 1)"),
            "self.items)",
            id="misspelled-attribute",
        ),
        pytest.param(
            "import math\n\ndef root(n):\n    return math.sqr(n)\n",
            check("self.assertEqual(root(4), 2)"),
            "math.sqrt(n)",
            id="misspelled-name-of-a-module",
        ),
        pytest.param(
            "def area(width, height):\n    return width * height\n\ndef square(n):\n"
            "    return area(widht=n, height=n)\n",
            check("self.assertEqual(square(3), 9)"),
            "area(width=n",
            id="misspelled-keyword",
        ),
        pytest.param(
            "from colections import Counter\n\ndef count(text):\n    return Counter(text)['a']\n",
            check("self.assertEqual(count('aba'), 2)"),
            "from collections import Counter",
            id="misspelled-module",
        ),
        pytest.param(
            "from math import sqr\n\ndef root(n):\n    return sqr(n)\n",
            check("self.assertEqual(root(4), 2)"),
            "from math import sqrt",
            id="misspelled-import",
        ),
        pytest.param(
            "def add(item, bag=[]):\n    bag.append(item)\n    return bag\n",
            check("add(1)\nself.assertEqual(add(2), [2])"),
            "bag=None",
            id="mutable-default",
        ),
        pytest.param(
            "def greet(name):\n    return 'Hello {name}!'\n",
            check("self.assertEqual(greet('Ann'), 'Hello Ann!')"),
            "f'Hello {name}!'",
            id="missing-f-prefix",
        ),
        pytest.param(
            "def double(n: int) -> int:\n    result = n * 2\n",
            check("self.assertEqual(double(2), 4)"),
            "return result",
            id="missing-return",
        ),
        pytest.param(
            "import math\n\ndef circle(r):\n    area = math.pie * r\n    return aera\n",
            check("self.assertAlmostEqual(circle(1), 3.14159265, 6)"),
            "return area",
            id="two-defects-behind-one-another",
        ),
    ],
)
def test_mended(tmp_path: Path, app: str, test: str, mended: str):
    tree = write_tree(tmp_path / "w", {"app.py": app, "test_app.py": test})
    ran = run_agent(tree, PROMPT)
    assert ran.result["verdict"] == "completed", ran.result
    assert mended in (tree / "app.py").read_text()
    assert (tree / "test_app.py").read_text() == test
    assert ran.result["report"]["tests_after"] == "1 passed, 0 failed"


def test_a_name_of_another_module_of_the_project_is_imported(tmp_path: Path):
    files = {
        "src/shop/__init__.py": "",
        "src/shop/money.py": "def cents(amount):\n    return round(amount * 100)\n",
        "src/shop/cart.py": "def price(amount):\n    return cents(amount)\n",
        "tests/test_cart.py": check(
            "self.assertEqual(price(1.5), 150)", "from shop.cart import price"
        ),
    }
    tree = write_tree(tmp_path / "w", files)
    assert run_agent(tree, PROMPT).result["verdict"] == "completed"
    assert "from shop.money import cents" in (tree / "src/shop/cart.py").read_text()


def test_a_wrong_result_is_left_alone_and_the_run_fails(tmp_path: Path):
    files = {
        "app.py": "def add(a, b):\n    return a - b\n",
        "test_app.py": check("self.assertEqual(add(2, 2), 4)"),
    }
    tree = write_tree(tmp_path / "w", files)
    ran = run_agent(tree, PROMPT)
    assert ran.result["verdict"] == "failed"
    assert "0 of 1 failing tests mended" in ran.result["error"]
    assert "AssertionError: 0 != 4" in ran.result["text"]
    assert (tree / "app.py").read_text() == files["app.py"]


def test_what_can_be_mended_is_kept_and_the_rest_told(tmp_path: Path):
    test = check("self.assertEqual(add(2, 2), 4)") + (
        "    def test_parse(self):\n        self.assertEqual(parse('1'), 1)\n"
    )
    app = "def add(a, b):\n    return a - b\n\n\ndef parse(t):\n    return json.loads(t)\n"
    tree = write_tree(tmp_path / "w", {"app.py": app, "test_app.py": test})
    ran = run_agent(tree, PROMPT)
    assert ran.result["verdict"] == "failed"
    assert "1 of 2 failing tests mended" in ran.result["error"]
    assert "import json" in (tree / "app.py").read_text()


def test_tests_that_hang_are_ended_and_reported(tmp_path: Path):
    files = {"test_app.py": check("while True: pass", "")}
    tree = write_tree(tmp_path / "w", files)
    ran = run_agent(tree, PROMPT, test_timeout=1.0)
    assert ran.result["verdict"] == "failed"
    assert "still running after 1 s" in ran.result["error"]


def test_without_tests_there_is_nothing_to_mend(tmp_path: Path):
    ran = run_agent(write_tree(tmp_path / "w", {"app.py": "x = 1\n"}), PROMPT)
    assert ran.result["verdict"] == "failed"
    assert "no tests" in ran.result["error"]


def test_pytest_style_tests_run_with_pytest(tmp_path: Path):
    pytest.importorskip("pytest")
    files = {
        "app.py": "def parse(t):\n    return json.loads(t)\n",
        "test_app.py": "from app import parse\n\ndef test_parse():\n    assert parse('1') == 1\n",
    }
    tree = write_tree(tmp_path / "w", files)
    ran = run_agent(tree, PROMPT)
    assert ran.result["verdict"] == "completed", ran.result
    assert "Tests (pytest)" in ran.result["text"]
    assert sorted(path.name for path in tree.iterdir()) == ["app.py", "test_app.py"]
