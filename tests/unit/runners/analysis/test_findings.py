"""What is found in single files, and what a tool is told of it."""

from __future__ import annotations

from typing import Any

from lemnos.domains.analysis.facts import Finding, findings_of
from tests.unit.runners.analysis.sources import facts_of


def _found(kind: str, language: str, text: str) -> list[Finding]:
    facts = facts_of(language, text)
    assert facts.problem == ""
    return [each for each in findings_of(facts.findings) if each.type == kind]


BRANCHES = "".join(f"    if x == {n}:\n        y += {n}\n" for n in range(9))
LOOP = """    for item in items:
        if item.old:
            y += item.size
        elif item.new:
            y -= item.size
"""


def test_extract_function_names_the_block_with_most_decisions():
    text = f"def total(x, items):\n    y = 0\n{BRANCHES}{LOOP}    return y\n"
    (found,) = _found("extract_function", "python", text)
    start = text.splitlines().index("    for item in items:") + 1
    assert (found.symbol, found.start, found.data["start"], found.data["end"]) == (
        "total", 1, start, start + 4,
    )  # fmt: skip
    assert found.data["cyclomatic"] == 13
    assert found.percent == 23.1  # 3 of 13


def test_a_block_that_returns_cannot_be_taken_out():
    loop = LOOP.replace("y -= item.size", "return y")
    text = f"def total(x, items):\n    y = 0\n{BRANCHES}{loop}    return y\n"
    assert not _found("extract_function", "python", text)
    (found,) = _found("reduce_complexity", "python", text)
    assert found.data["function"] == "total"


def test_a_simple_function_is_left_alone():
    text = f"def total(x, items):\n    y = 0\n{LOOP}    return y\n"
    assert not _found("extract_function", "python", text)
    assert not _found("reduce_complexity", "python", text)


def test_break_belongs_to_its_own_loop():
    inner = "    for item in items:\n        if item:\n            y += 1\n            break\n"
    text = f"def total(x, items):\n    y = 0\n{BRANCHES}{inner}    return y\n"
    assert len(_found("extract_function", "python", text)) == 1


def test_simplify_conditional_counts_operators():
    text = "function f(a, b) {\n  if (a.x && b.x || a.y && (b.y || a.z)) { return 1; }\n}\n"
    (found,) = _found("simplify_conditional", "javascript", text)
    assert (found.start, found.data["operators"]) == (2, 4)
    assert not _found("simplify_conditional", "javascript", "function f(a) { return a && a.b; }")


def test_extract_constant_for_literals_that_are_repeated():
    text = "".join(f'x{n} = get("order state")\n' for n in range(4)) + "y = [0, 0, 0, 0, 0]\n"
    (found,) = _found("extract_constant", "python", text)
    assert found.data["name"] == "ORDER_STATE"
    assert found.data["lines"] == [1, 2, 3, 4]


def test_extract_variable_for_a_chain_that_is_read_again_and_again():
    text = "def f(self):\n" + "    print(self.shop.owner.name)\n" * 4
    (found,) = _found("extract_variable", "python", text)
    assert (found.symbol, found.data["expression"], found.data["times"]) == (
        "f", "self.shop.owner.name", 4,
    )  # fmt: skip


def test_rename_variable_suggests_what_is_assigned():
    body = "".join(f"    print(d, {n})\n" for n in range(16))
    (found,) = _found(
        "rename_variable", "python", f"def f(shop):\n    d = get_prices(shop)\n{body}"
    )
    assert (found.data["name"], found.data["new_name"], found.data["line"]) == ("d", "prices", 2)


def test_rename_variable_never_suggests_a_name_that_is_taken():
    body = "".join(f"    print(d, prices, {n})\n" for n in range(16))
    assert not _found("rename_variable", "python", f"def f():\n    d = get_prices()\n{body}")


def test_improve_naming_follows_the_language():
    (found,) = _found("improve_naming", "python", "def getPrice(x):\n    return x\n")
    assert (found.data["name"], found.data["new_name"], found.data["public"]) == (
        "getPrice", "get_price", True,
    )  # fmt: skip
    (found,) = _found("improve_naming", "java", "class shopping_cart { }")
    assert found.data["new_name"] == "ShoppingCart"
    assert not _found("improve_naming", "go", "package x\nfunc getPrice() {}\n")


def test_add_type_hints_tells_what_can_be_inferred():
    text = (
        "def f(name, size=1, loud=False):\n    print(name)\n\ndef g(x: int) -> int:\n    return x\n"
    )
    (found,) = _found("add_type_hints", "python", text)
    assert found.data["inferred"] == {"size": "int", "loud": "bool"}
    assert found.data["returns"] == "None"


def test_documented_files_are_not_told_how_to_name_things():
    text = 'def getPrice(x):\n    """The price."""\n    return x\n'
    assert not _found("improve_naming", "python", text)
    assert not _found("add_type_hints", "python", text)


def _class(name: str, groups: dict[str, int]) -> str:
    methods = [
        f"    def {attribute}_{n}(self):\n        return self.{attribute}\n"
        for attribute, count in groups.items()
        for n in range(count)
    ]
    return f"class {name}:\n{''.join(methods)}"


def test_split_class_names_the_groups():
    (found,) = _found("split_class", "python", _class("Shop", {"stock": 12, "staff": 10}))
    groups: Any = found.data["groups"]
    assert [len(group["methods"]) for group in groups] == [12, 10]
    assert groups[1]["attributes"] == ["staff"]


def test_a_large_class_that_belongs_together_is_no_split():
    assert not _found("split_class", "python", _class("Shop", {"stock": 30}))


ENVY = """class Printer{base}:
    def label(self, item: Item):
        return item.name + item.size + item.price + item.colour
"""


def test_move_method_to_the_class_that_it_works_on():
    (found,) = _found("move_method", "python", ENVY.format(base=""))
    assert (found.data["method"], found.data["parameter"], found.data["target"]) == (
        "label", "item", "Item",
    )  # fmt: skip


def test_a_method_that_may_stand_in_for_anothers_stays():
    assert not _found("move_method", "python", ENVY.format(base="(Base)"))
