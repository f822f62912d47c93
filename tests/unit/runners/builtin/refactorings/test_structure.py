"""Duplicates merged, classes split, methods moved: callers notice nothing."""

from __future__ import annotations

import ast

from tests.unit.runners.builtin.refactorings.case import Case

ONE = """\
def summary_of_orders(orders, limit):
    title = "orders"
    total = 0
    for order in orders:
        if order > limit:
            total += order
    mean = total / max(len(orders), 1)
    return title, total, mean


def summary_of_bills(bills, most):
    title = "bills"
    amount = 0
    for bill in bills:
        if bill > most:
            amount += bill
    average = amount / max(len(bills), 1)
    return title, average, amount
"""
ASKED = (
    "from one import *\n"
    "answer = [f(rows, n) for f in (summary_of_orders, summary_of_bills)"
    " for rows in ([], [1, 5, 9]) for n in (0, 4)]"
)


def test_two_copies_in_one_file_become_one_function(case: Case) -> None:
    case.write(one_py=ONE)
    before = case.says(ASKED)

    outcome = case.refactor(
        "remove_duplication", "one.py", lines=(3, 7), other_start=13, other_end=17
    )

    assert outcome.verdict == "completed", outcome
    assert case.says(ASKED) == before
    assert case.text("one.py").count("for ") == 1


def test_two_copies_in_two_files_become_one_function(case: Case) -> None:
    orders, _, bills = ONE.partition("\n\ndef summary_of_bills")
    case.write(one_py=orders, two_py=f'"""Bills."""\n\ndef summary_of_bills{bills}')
    asked = ASKED.replace("from one import *", "from one import *\nfrom two import *")
    before = case.says(asked)

    outcome = case.refactor(
        "remove_duplication",
        "one.py",
        lines=(3, 7),
        other_path="two.py",
        other_start=5,
        other_end=9,
    )

    assert outcome.verdict == "completed", outcome
    assert case.says(asked) == before
    assert "from one import _summary_of_shared" in case.text("two.py")
    assert "for " not in case.text("two.py")


def test_copies_that_differ_in_more_than_names_are_left_alone(case: Case) -> None:
    text = ONE.replace("bill > most", "bill >= most")
    case.write(one_py=text)

    outcome = case.refactor(
        "remove_duplication", "one.py", lines=(3, 6), other_start=13, other_end=16
    )

    assert "not equal up to the names" in outcome.error
    assert case.text("one.py") == text


def test_modules_do_not_come_to_import_each_other(case: Case) -> None:
    orders, _, bills = ONE.partition("\n\ndef summary_of_bills")
    case.write(one_py=f"import two\n\n{orders}", two_py=f"def summary_of_bills{bills}")

    outcome = case.refactor(
        "remove_duplication",
        "one.py",
        lines=(5, 9),
        other_path="two.py",
        other_start=3,
        other_end=7,
    )

    assert outcome.verdict == "failed"
    assert "for " in case.text("two.py")


BIG = """\
class Account:
    '''An account.'''

    def __init__(self, owner):
        self.owner = owner
        self.entries = []
        self.address = ""

    def pay_in(self, amount):
        self.entries.append(amount)
        return self

    def balance(self):
        return sum(self.entries)

    def last(self):
        return self.entries[-1]

    # Where letters go.
    def street(self):
        return self.address.split(",")[0]

    def city(self):
        return self.address.split(",")[-1].strip()

    def label(self):
        return self.street() + " / " + self.city()
"""
GROUPS = [
    {"methods": ["pay_in", "balance", "last"], "attributes": ["entries"]},
    {"methods": ["street", "city", "label"], "attributes": ["address"]},
]


def test_methods_that_share_nothing_become_a_base(case: Case) -> None:
    case.write(big_py=BIG)
    asked = (
        "from big import Account\na = Account('x').pay_in(3).pay_in(4)\n"
        "a.address = 'Road 1, Town'\nanswer = [a.balance(), a.last(), a.label()]"
    )
    before = case.says(asked)

    outcome = case.refactor("split_class", "big.py", "Account", groups=GROUPS)

    assert outcome.verdict == "completed", outcome
    assert case.says(asked) == before
    classes = {
        n.name: n for n in ast.parse(case.text("big.py")).body if isinstance(n, ast.ClassDef)
    }
    assert list(classes) == ["_AccountAddress", "Account"]
    assert "label" not in {
        n.name for n in classes["Account"].body if isinstance(n, ast.FunctionDef)
    }
    assert "# Where letters go." in case.text("big.py").partition("class Account")[0]


def test_methods_that_call_super_stay(case: Case) -> None:
    case.write(
        big_py=BIG.replace(
            "return self.street()", "super().__init__()\n        return 1 or self.street()"
        )
    )

    assert (
        "can be moved for certain"
        in case.refactor("split_class", "big.py", "Account", groups=GROUPS).error
    )


ENVY = """\
class Engine:
    def __init__(self):
        self.power = 3
        self.heat = 1


class Car:
    def __init__(self):
        self.engine = Engine()
        self.name = "car"

    def strain(self):
        load = self.engine.power * 2
        return load + self.engine.heat
"""


def test_a_method_moves_to_the_class_of_the_attribute_that_it_works_on(case: Case) -> None:
    case.write(car_py=ENVY)

    outcome = case.refactor("move_method", "car.py", "Car.strain", (12, 14))

    assert outcome.verdict == "completed", outcome
    assert "self.power * 2" in case.text("car.py").partition("class Car")[0]
    assert case.says("from car import Car\nanswer = Car().strain()") == 7


def test_a_method_that_works_on_its_own_class_stays(case: Case) -> None:
    case.write(big_py=BIG)

    assert (
        "works on no one attribute"
        in case.refactor("move_method", "big.py", "Account.label", (26, 27)).error
    )
