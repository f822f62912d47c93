"""Constants, variables, names, hints: nothing that runs can tell the difference."""

from __future__ import annotations

import pytest

from tests.unit.runners.builtin.refactorings.case import Case

SHOP = '''\
"""A shop."""

import json


def load(path):
    """Reads "application/json" from a path."""
    if path.endswith("application/json"):
        return json.loads(path)
    return {"type": "application/json", f"application/json": 1}


def kind(text, *, default="application/json"):
    match text:
        case "application/json":
            return 1
    return text == "application/json" and default
'''


def test_a_repeated_literal_becomes_a_constant(case: Case) -> None:
    case.write(shop_py=SHOP)
    asked = 'from shop import *\nanswer = [load("x"), kind("application/json"), kind("y")]'
    before = case.says(asked)

    outcome = case.refactor(
        "extract_constant", "shop.py", literal='"application/json"', name="APPLICATION_JSON"
    )

    assert outcome.verdict == "completed", outcome
    text = case.text("shop.py")
    assert 'import json\n\nAPPLICATION_JSON = "application/json"\n' in text
    assert text.count("APPLICATION_JSON") == 4
    assert '"""Reads "application/json" from a path."""' in text
    assert case.says(asked) == before


def test_a_number_that_nothing_names_is_left_to_an_agent(case: Case) -> None:
    case.write(sums_py="def f(a):\n    return a * 4711\n\n\ndef g(a):\n    return a + 4711\n")

    outcome = case.refactor("extract_constant", "sums.py")

    assert "nothing says what 4711 stands for" in outcome.error


CHAIN = """\
class Order:
    def __init__(self, shop):
        self.shop = shop

    def total(self):
        if self.shop.prices.net is None:
            return 0
        extra = 1 if self.shop.prices.net > 5 else 0
        return self.shop.prices.net + extra


def check(a, b, c, d):
    if a < 0 or b < 0 or c < 0 or (d and a > b):
        raise ValueError("bad")
    return a + b + c
"""


def test_a_repeated_chain_gets_a_name(case: Case) -> None:
    case.write(order_py=CHAIN)
    asked = (
        "from order import Order\nfrom types import SimpleNamespace as N\n"
        "answer = [Order(N(prices=N(net=n))).total() for n in (None, 1, 9)]"
    )
    before = case.says(asked)

    outcome = case.refactor(
        "extract_variable",
        "order.py",
        "Order.total",
        (5, 9),
        expression="self.shop.prices.net",
        name="net",
    )

    assert outcome.verdict == "completed", outcome
    assert case.text("order.py").count("self.shop.prices.net") == 1
    assert case.says(asked) == before


def test_a_long_condition_is_named_after_what_it_decides(case: Case) -> None:
    case.write(order_py=CHAIN)

    outcome = case.refactor("extract_variable", "order.py", "check", (12, 15))

    assert outcome.verdict == "completed", outcome
    assert "if is_invalid:" in case.text("order.py")
    assert case.says("from order import check\nanswer = check(1, 2, 3, 0)") == 6


NAMES = """\
def get_total(rows):
    return sum(rows)


def report(rows):
    r = get_total(rows)
    return r + r


def makeLine(text):
    return text + "\\n"
"""


def test_a_variable_gets_the_name_that_the_analysis_suggests(case: Case) -> None:
    case.write(names_py=NAMES)

    outcome = case.refactor(
        "rename_variable", "names.py", "report", (6, 6), name="r", new_name="total"
    )

    assert outcome.verdict == "completed", outcome
    assert "    total = get_total(rows)\n    return total + total\n" in case.text("names.py")
    assert case.says("from names import *\nanswer = report([1, 2])") == 6


def test_a_variable_gets_the_name_that_the_code_says(case: Case) -> None:
    case.write(names_py=NAMES)

    assert case.refactor("rename_variable", "names.py", "report", (5, 7)).verdict == "completed"
    assert "total = get_total(rows)" in case.text("names.py")


def test_a_public_function_is_still_there_by_its_old_name(case: Case) -> None:
    case.write(names_py=NAMES, user_py="from names import makeLine\nX = makeLine('a')\n")

    outcome = case.refactor(
        "improve_naming", "names.py", "makeLine", (10, 11), name="makeLine", new_name="make_line"
    )

    assert outcome.verdict == "completed", outcome
    assert "from names import make_line" in case.text("user.py")
    asked = "import names, user\nanswer = [names.makeLine('b'), names.make_line('c'), user.X]"
    assert case.says(asked) == ["b\n", "c\n", "a\n"]


def test_a_name_that_is_taken_is_not_given_twice(case: Case) -> None:
    case.write(names_py=NAMES)

    outcome = case.refactor(
        "rename_variable", "names.py", "report", (6, 6), name="r", new_name="rows"
    )

    assert "rows is a name of something else" in outcome.error
    assert case.text("names.py") == NAMES


HINTS = '''\
def shout(text, end="!", *, loud=False, times=1):
    return len(text) if loud else 0


def is_there(rows, row):
    return row in rows


def note(rows, row):
    rows.append(row)


def maybe(row):
    if row:
        return "yes"


class Base:
    def hook(self):
        """For others."""
'''


def test_only_what_is_certain_is_annotated(case: Case) -> None:
    case.write(hints_py=HINTS)

    outcome = case.refactor("add_type_hints", "hints.py")

    assert outcome.verdict == "completed", outcome
    text = case.text("hints.py")
    assert 'def shout(text, end: str = "!", *, loud: bool = False, times=1):' in text
    assert "def is_there(rows, row) -> bool:" in text
    assert "def note(rows, row) -> None:" in text
    assert "def maybe(row):" in text
    assert "def hook(self):" in text
    assert case.says(
        "from hints import *\nanswer = [shout('ab', loud=True), is_there([1], 1)]"
    ) == [
        2,
        True,
    ]


@pytest.mark.parametrize("path", ["gone.py", "../outside.py"])
def test_a_file_that_is_not_there_is_not_refactored(case: Case, path: str) -> None:
    operation = {"type": "add_type_hints", "path": path, "blob": "0" * 40, "start": 1, "end": 2}

    assert "the file cannot be read" in case.run(operation).error


def test_a_file_that_has_changed_is_not_refactored(case: Case) -> None:
    case.write(hints_py=HINTS)
    operation = {
        "type": "add_type_hints",
        "path": "hints.py",
        "blob": "0" * 40,
        "start": 1,
        "end": 2,
    }

    assert "has changed since it was analysed" in case.run(operation).error
    assert case.text("hints.py") == HINTS


def test_what_is_no_operation_is_told(case: Case) -> None:
    assert "this is no operation" in case.run({"type": "add_type_hints"}).error
