"""Each check on real changes, in the real sandbox."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from lemnos.domains.quality.safety import Check, Outcome
from tests.unit.runners.quality.conftest import Checked

Check_ = Callable[[Check], Checked]
SUMS = "def add(a: int, b: int = 0) -> int:\n    return a + b\n"
TESTS = "from sums import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n"


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("a.py", "x = 1\n", "def f(:\n"),
        ("a.py", "x = 1\n", "return 1\n"),
        ("a.js", "let a = 1;\n", "let a = ;\n"),
        ("a.tsx", "const a = <b>1</b>;\n", "const a = <b>1</c;\n"),
        ("a.go", "package a\n\nfunc F() {}\n", "package a\n\nfunc F( {}\n"),
        ("A.java", "class A { int f() { return 1; } }\n", "class A { int f( { return 1; }\n"),
        ("a.json", "{}", "{,}"),
        ("a.yaml", "a: [1]\n", "a: [1\n"),
        ("a.toml", "a = 1\n", "a = \n"),
    ],
)
async def test_a_file_that_can_no_longer_be_parsed_fails(
    checked: Check_, name: str, good: str, bad: str
) -> None:
    syntax = checked(Check.SYNTAX)

    assert (await syntax.of({name: good}, {name: good})).outcome is Outcome.PASSED
    failed = await syntax.of({name: good}, {name: bad})

    assert failed.outcome is Outcome.FAILED
    assert failed.findings[0].startswith(f"{name}: ")
    assert (await syntax.of({name: bad}, {name: bad})).outcome is Outcome.PASSED


async def test_a_language_that_is_not_parsed_is_not_run(checked: Check_) -> None:
    result = await checked(Check.SYNTAX).of({"a.txt": "x"}, {"a.txt": "y"})

    assert result.outcome is Outcome.NOT_RUN


async def test_only_new_type_errors_fail(checked: Check_) -> None:
    types = checked(Check.TYPES)
    old = SUMS + "\n\ndef wrong() -> int:\n    return 'x'\n"

    assert (await types.of({"sums.py": old}, {"sums.py": "# moved\n" + old})).outcome is (
        Outcome.PASSED
    )
    failed = await types.of({"sums.py": old}, {"sums.py": old.replace("a + b", "str(a)")})

    assert failed.outcome is Outcome.FAILED
    assert [f for f in failed.findings if "Incompatible return value" in f] == list(failed.findings)
    assert "1 errors before, 2 after" in failed.detail


async def test_the_projects_own_checker_is_used_as_it_is_configured(checked: Check_) -> None:
    strict = {"pyproject.toml": "[tool.mypy]\nstrict = true\n", "sums.py": SUMS}
    bare = SUMS.replace(": int", "").replace(" -> int", "")

    failed = await checked(Check.TYPES).of(strict, {"sums.py": bare})

    assert failed.outcome is Outcome.FAILED
    assert failed.tool == "mypy, as the project configures it"


async def test_a_checker_that_is_missing_is_told_with_what_to_install(checked: Check_) -> None:
    files = {"pyrightconfig.json": "{}", "sums.py": SUMS}

    result = await checked(Check.TYPES).of(files, {"sums.py": SUMS + "\n"})

    if shutil.which("pyright"):
        pytest.skip("NOT TESTED: pyright is installed here")
    assert result.outcome is Outcome.NOT_RUN
    assert "install pyright" in result.detail


async def test_only_tests_that_passed_before_count(checked: Check_) -> None:
    tests = checked(Check.TESTS)
    broken = TESTS + "\n\ndef test_never():\n    assert add(1) == 5\n"
    base = {"sums.py": SUMS, "test_sums.py": broken}

    passed = await tests.of(base, {"sums.py": SUMS + "\n"})
    failed = await tests.of(base, {"sums.py": SUMS.replace("a + b", "a - b")})

    assert passed.outcome is Outcome.PASSED
    assert "Before: 1 passed, 1 failed. After: 1 passed, 1 failed." in passed.detail
    assert failed.outcome is Outcome.FAILED
    assert len(failed.findings) == 1
    assert "test_add" in failed.findings[0]


async def test_a_change_that_hangs_its_tests_has_failed(checked: Check_) -> None:
    base = {"sums.py": SUMS, "test_sums.py": TESTS}
    hangs = SUMS.replace("    return", "    while True:\n        pass\n    return")

    result = await checked(Check.TESTS).of(base, {"sums.py": hangs}, timeout=15.0)

    assert result.outcome is Outcome.FAILED
    assert "still running" in result.detail


async def test_a_change_that_kills_its_tests_has_failed(checked: Check_) -> None:
    base = {"sums.py": SUMS, "test_sums.py": TESTS}
    dies = "import os\n" + SUMS.replace("    return", "    os.kill(os.getpid(), 11)\n    return")

    result = await checked(Check.TESTS).of(base, {"sums.py": dies})

    assert result.outcome is Outcome.FAILED


async def test_output_without_end_fills_nothing(checked: Check_) -> None:
    base = {"sums.py": SUMS, "test_sums.py": TESTS}
    loud = "import os\n" + SUMS.replace(
        "    return", "    for _ in range(1024):\n        os.write(2, b'x' * 1048576)\n    return"
    )

    result = await checked(Check.TESTS).of(base, {"sums.py": loud})

    assert result.outcome in (Outcome.PASSED, Outcome.FAILED)
    assert len(result.detail) < 3000


async def test_a_project_without_tests_is_not_run(checked: Check_) -> None:
    result = await checked(Check.TESTS).of({"sums.py": SUMS}, {"sums.py": SUMS + "\n"})

    assert (result.outcome, result.detail) == (Outcome.NOT_RUN, "The project has no tests.")


async def test_npm_test_is_run_where_scripts_changed(checked: Check_) -> None:
    if not shutil.which("npm"):
        pytest.skip("NOT TESTED: npm is not installed")
    package = '{"name": "a", "scripts": {"test": "node test.js"}}'
    base = {"package.json": package, "a.js": "exports.a = 1;\n"}
    base["test.js"] = "if (require('./a.js').a !== 1) process.exit(1);\n"
    tests = checked(Check.TESTS)

    assert (await tests.of(base, {"a.js": "exports.a = 2 - 1;\n"})).outcome is Outcome.PASSED
    assert (await tests.of(base, {"a.js": "exports.a = 2;\n"})).outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("sums.py", SUMS, "def other() -> int:\n    return 1\n", "add"),
        ("sums.py", SUMS, SUMS.replace("b: int = 0", "b: int"), "add"),
        (
            "pkg/a.ts",
            "export function f(a: number) { return a; }\n",
            "export {};\n",
            "f was removed",
        ),
        (
            "a.js",
            "exports.f = function (a) { return a; };\n",
            "exports.f = function (a, b) { return a; };\n",
            "f changed",
        ),
        (
            "a.go",
            "package a\n\nfunc F(a int) {}\n",
            "package a\n\nfunc F(a string) {}\n",
            "F changed",
        ),
        (
            "A.java",
            "public class A { public int f(int a) { return a; } }\n",
            "public class A { int f(int a) { return a; } }\n",
            "A.f(int a) was removed",
        ),
    ],
)
async def test_what_others_call_is_still_there(
    checked: Check_, name: str, old: str, new: str, said: str
) -> None:
    interface = checked(Check.BREAKING)

    passed = await interface.of({name: old}, {name: old + "\n"})
    failed = await interface.of({name: old}, {name: new})

    assert passed.outcome is Outcome.PASSED, passed
    assert failed.outcome is Outcome.FAILED, failed
    assert said in failed.findings[0]


async def test_what_nobody_else_calls_may_go(checked: Check_) -> None:
    old = SUMS + "\n\ndef _inner():\n    return 1\n"

    result = await checked(Check.BREAKING).of({"sums.py": old}, {"sums.py": SUMS})

    assert result.outcome is Outcome.PASSED


SLOW = """\
from sums import add


def test_much():
    assert sum(add(n, 1) for n in range({n})) > 0
"""


async def test_a_change_that_costs_far_more_fails(checked: Check_) -> None:
    base = {"sums.py": SUMS, "test_sums.py": SLOW.format(n=8_000_000)}
    slower = SUMS.replace("return a + b", "return sum(range(9)) * 0 + a + b")
    performance = checked(Check.PERFORMANCE)

    alike = await performance.of(base, {"sums.py": SUMS + "\n"}, timeout=600.0)
    failed = await performance.of(base, {"sums.py": slower}, timeout=600.0)

    assert alike.outcome is Outcome.PASSED, alike

    assert failed.outcome is Outcome.FAILED
    assert "Median of" in failed.detail


async def test_too_little_to_measure_is_not_run(checked: Check_) -> None:
    base = {"sums.py": SUMS, "test_sums.py": TESTS}

    result = await checked(Check.PERFORMANCE).of(base, {"sums.py": SUMS + "\n"})

    assert result.outcome is Outcome.NOT_RUN
    assert "too little to measure" in result.detail
