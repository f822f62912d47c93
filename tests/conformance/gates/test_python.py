"""The gates of Python projects, with the real tools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lemnos.domains.quality.model import GateReport, GateRequest, GateResult, Verdict
from lemnos.domains.quality.ports import Tree
from lemnos.main.ground import make_ground
from lemnos.main.quality import make_gates
from lemnos.settings import Settings
from tests.conformance.gates.osv import database
from tests.conformance.gates.tools import git

GOOD = {
    "pyproject.toml": (
        "[project]\nname = 'shop'\nversion = '1'\n"
        "[tool.mypy]\nstrict = true\n"
        "[tool.pytest.ini_options]\npythonpath = ['src']\n"
    ),
    "src/shop/__init__.py": (
        "def total(prices: list[int]) -> int:\n"
        "    if not prices:\n"
        "        return 0\n"
        "    return sum(prices)\n"
    ),
    "tests/test_shop.py": (
        "from shop import total\n\n\ndef test_total() -> None:\n    assert total([1, 2]) == 3\n"
    ),
    ".gitignore": ".coverage\n",
}


class Shop:
    """A project, and the gates as a server or the command line puts them together."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "shop"
        self._data = folder / "data"
        self.write(GOOD)
        git(self.root, "init", "-q")

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text)

    async def report(
        self,
        *gates: str,
        untouched: bool = False,
        settings: dict[str, Any] | None = None,
        **asked: Any,
    ) -> GateReport:
        """Run the gates."""
        chosen = Settings(data=str(self._data), **(settings or {}))
        made = make_gates(chosen, make_ground(chosen))
        try:
            tree = Tree(self.root, untouched=untouched)
            return await made.run(tree, GateRequest(gates=gates, **asked))
        finally:
            await made.close()

    async def result(self, gate: str, **asked: Any) -> GateResult:
        """Run one gate."""
        return (await self.report(gate, **asked)).results[0]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A project that is in order."""
    return Shop(tmp_path)


async def test_a_project_in_order_passes(shop: Shop) -> None:
    report = await shop.report("lint", "format", "types", "tests")
    again = await shop.report("lint", "format", "types", "tests")

    assert [result.verdict for result in report.results] == [Verdict.PASSED] * 4, report.results
    assert all(result.version for result in report.results)
    assert report.coverage["src/shop/__init__.py"] == (3, 4)
    assert [result.cached for result in again.results] == [True] * 4
    assert again.coverage == report.coverage
    assert [result.metadata for result in again.results] == [r.metadata for r in report.results]


async def test_lint_points_at_what_is_wrong(shop: Shop) -> None:
    shop.write({"src/shop/odd.py": "import os\nprint(undefined)\n"})
    result = await shop.result("lint")
    found = {(f.rule, f.path, f.line, f.fixable) for f in result.findings}

    assert result.verdict is Verdict.FAILED
    assert ("F401", "src/shop/odd.py", 1, True) in found
    assert ("F821", "src/shop/odd.py", 2, False) in found


async def test_lint_of_the_changed_files_alone(shop: Shop) -> None:
    shop.write({"old.py": "import os\n", "new.py": "import sys\n", "notes.txt": "x"})
    result = await shop.result("lint", changed=("new.py", "gone.py"))
    nothing = await shop.result("lint", changed=("notes.txt",))

    assert [f.path for f in result.findings] == ["new.py"]
    assert nothing.verdict is Verdict.NOT_APPLICABLE


async def test_lint_mends_where_the_project_wants_it(shop: Shop) -> None:
    shop.write({"odd.py": "import os\n", "lemnos.toml": "[gates.lint]\nfix = true\n"})
    untouched = await shop.result("lint", untouched=True)
    mended = await shop.result("lint")

    assert untouched.verdict is Verdict.FAILED
    assert mended.verdict is Verdict.PASSED
    assert (shop.root / "odd.py").read_text() == ""


async def test_lint_with_a_configuration_that_ruff_does_not_know(shop: Shop) -> None:
    shop.write({"ruff.toml": "line-length = 'long'\n"})

    assert (await shop.result("lint")).verdict is Verdict.MISCONFIGURED


async def test_format_looks_or_writes(shop: Shop) -> None:
    shop.write({"odd.py": "x = {  'a':1 }\n"})
    looked = await shop.result("format", no_format=True)
    wrote = await shop.result("format")

    assert looked.verdict is Verdict.FAILED
    assert [(f.path, f.line) for f in looked.findings] == [("odd.py", 1)]
    assert wrote.verdict is Verdict.PASSED
    assert wrote.metadata["changed"] == ["odd.py"]
    assert (shop.root / "odd.py").read_text() == 'x = {"a": 1}\n'


async def test_format_of_a_file_that_does_not_parse(shop: Shop) -> None:
    shop.write({"odd.py": "def (:\n"})
    for asked in ({"no_format": True}, {}):
        result = await shop.result("format", **asked)

        assert result.verdict is Verdict.FAILED
        assert [f.path for f in result.findings] == ["odd.py"]


async def test_types(shop: Shop) -> None:
    shop.write({"src/shop/odd.py": "def odd() -> int:\n    return 'x'\n"})
    result = await shop.result("types")

    assert result.verdict is Verdict.FAILED
    assert [(f.rule, f.path, f.line) for f in result.findings] == [
        ("return-value", "src/shop/odd.py", 2)
    ]


async def test_types_of_a_project_that_declares_no_checker(shop: Shop) -> None:
    shop.write(
        {
            "pyproject.toml": "[project]\nname = 'shop'\nversion = '1'\n",
            "src/shop/odd.py": "import not_installed\n\n\ndef odd(x): return x\n",
        }
    )

    assert (await shop.result("types")).verdict is Verdict.PASSED


async def test_a_declared_checker_that_is_not_installed_is_missing(shop: Shop) -> None:
    shop.write({"lemnos.toml": "[gates.types]\ntool = 'basedpyright'\n"})
    result = await shop.result("types")

    assert result.verdict is Verdict.MISSING_TOOL
    assert "pip install basedpyright" in result.message


async def test_a_tool_that_nobody_knows(shop: Shop) -> None:
    shop.write({"lemnos.toml": "[gates.types]\ntool = 'typo'\n"})
    result = await shop.result("types")

    assert result.verdict is Verdict.MISCONFIGURED
    assert "mypy" in result.message


async def test_tests_that_fail_are_findings(shop: Shop) -> None:
    shop.write(
        {
            "tests/test_odd.py": (
                "import pytest\n\n\ndef test_odd():\n    assert 1 == 2\n\n\n"
                "@pytest.mark.skip\ndef test_later():\n    pass\n\n\n"
                "@pytest.fixture\ndef broken():\n    raise OSError('away')\n\n\n"
                "def test_broken(broken):\n    pass\n"
            )
        }
    )
    result = await shop.result("tests")
    counts = {name: result.metadata[name] for name in ("passed", "failed", "skipped", "errors")}

    assert result.verdict is Verdict.FAILED
    assert counts == {"passed": 1, "failed": 1, "skipped": 1, "errors": 1}
    assert [(f.rule, f.path, f.line) for f in result.findings] == [
        ("test-failed", "tests/test_odd.py", 4),
        ("test-error", "tests/test_odd.py", 18),
    ]
    assert "assert 1 == 2" in result.findings[0].message


async def test_tests_that_cannot_be_collected_have_failed(shop: Shop) -> None:
    shop.write({"tests/test_odd.py": "import not_there\n"})
    result = await shop.result("tests")

    assert result.verdict is Verdict.FAILED
    assert "not_there" in result.findings[0].message + result.output


async def test_a_folder_of_tests_without_tests(shop: Shop) -> None:
    shop.write({"tests/test_shop.py": "# none yet\n"})

    assert (await shop.result("tests")).verdict is Verdict.NOT_APPLICABLE


async def test_arguments_that_pytest_does_not_know(shop: Shop) -> None:
    shop.write({"lemnos.toml": "[gates.tests]\nargs = ['--nonsense']\n"})

    assert (await shop.result("tests")).verdict is Verdict.MISCONFIGURED


async def test_tests_that_hang(shop: Shop) -> None:
    shop.write({"tests/test_odd.py": "import time\n\n\ndef test_odd():\n    time.sleep(600)\n"})

    assert (await shop.result("tests", timeout=15)).verdict is Verdict.TIMED_OUT


async def test_tests_that_kill_their_parent(shop: Shop) -> None:
    kills = "    os.kill(os.getppid(), 9)\n    os.kill(os.getpid(), 9)\n"
    shop.write({"tests/test_odd.py": f"import os\n\n\ndef test_odd():\n{kills}"})

    assert (await shop.result("tests")).verdict is Verdict.CRASHED


async def test_tests_that_end_the_process_with_success(shop: Shop) -> None:
    shop.write({"tests/test_odd.py": "import os\n\n\ndef test_odd():\n    os._exit(0)\n"})

    assert (await shop.result("tests")).verdict is Verdict.CRASHED


async def test_unittest_where_a_project_knows_no_pytest(shop: Shop) -> None:
    (shop.root / "tests/test_shop.py").unlink()
    shop.write(
        {
            "pyproject.toml": "[project]\nname = 'shop'\nversion = '1'\n",
            "test_odd.py": (
                "import unittest\n\n\nclass Odd(unittest.TestCase):\n"
                "    def test_even(self):\n        self.assertEqual(2, 2)\n\n"
                "    def test_odd(self):\n        self.assertEqual(1, 2)\n"
            ),
        }
    )
    result = await shop.result("tests")

    assert result.tool == "unittest"
    assert result.verdict is Verdict.FAILED
    assert [(f.path, f.line) for f in result.findings] == [("test_odd.py", 9)]
    assert (result.metadata["passed"], result.metadata["failed"]) == (1, 1)


# --- the audit ------------------------------------------------------------------------------------


async def test_the_audit_finds_what_the_database_knows(shop: Shop) -> None:
    shop.write({"requirements.txt": "# pins\nflask==3.0.0\nJinja2==2.4.1\nclick>=8\n"})
    with database() as (url, asked):
        result = await shop.result("audit", settings={"audit_url": url})
        names = {query["package"]["name"] for query in asked}
        again = await shop.result("audit", settings={"audit_url": url})

    assert result.verdict is Verdict.FAILED
    assert [(f.rule, f.path, f.line) for f in result.findings] == [
        ("PYSEC-2014-8", "requirements.txt", 3)
    ]
    assert "2.7.3" in result.findings[0].message
    assert names == {"flask", "jinja2"}
    assert again.cached


async def test_every_version_in_a_lock_is_asked_about(shop: Shop) -> None:
    locked = [("jinja2", "3.1.0"), ("jinja2", "2.4.1"), ("click", "8.1.0")]
    packages = (f"[[package]]\nname = '{name}'\nversion = '{v}'\n" for name, v in locked)
    shop.write({"uv.lock": "version = 1\n" + "".join(packages)})
    with database() as (url, asked):
        result = await shop.result("audit", settings={"audit_url": url})

    assert sorted((q["package"]["name"], q["version"]) for q in asked) == sorted(locked)
    assert result.verdict is Verdict.FAILED


async def test_an_advisory_that_the_project_accepts(shop: Shop) -> None:
    ignore = "[gates.audit]\nignore = ['PYSEC-2014-8']\n"
    shop.write({"requirements.txt": "jinja2==2.4.1\n", "lemnos.toml": ignore})
    with database() as (url, _):
        assert (await shop.result("audit", settings={"audit_url": url})).passed


async def test_a_database_that_is_away_is_no_pass(shop: Shop) -> None:
    shop.write({"requirements.txt": "flask==3.0.0\n"})
    with database() as (url, _):
        pass
    gone = await shop.result("audit", settings={"audit_url": url})
    with database(status=503) as (url, _):
        ill = await shop.result("audit", settings={"audit_url": url})

    assert (gone.verdict, ill.verdict) == (Verdict.UNKNOWN, Verdict.UNKNOWN)
    assert gone.blocks
    assert url.rpartition(":")[0] in gone.message


async def test_a_lock_that_does_not_parse_is_no_pass(shop: Shop) -> None:
    shop.write({"uv.lock": "[[package]\n"})
    result = await shop.result("audit", settings={"audit_url": "http://127.0.0.1:9"})

    assert result.verdict is Verdict.CRASHED
    assert "uv.lock" in result.message


async def test_nothing_to_ask_about(shop: Shop) -> None:
    assert (await shop.result("audit")).verdict is Verdict.NOT_APPLICABLE


# --- the tree -------------------------------------------------------------------------------------


async def test_all_gates_leave_no_trace(shop: Shop) -> None:
    git(shop.root, "add", "-A")
    git(shop.root, "commit", "-q", "-m", "all")
    before = sorted(path.relative_to(shop.root) for path in shop.root.rglob("*"))
    await shop.report("lint", "format", "types", "tests", untouched=True)

    assert sorted(path.relative_to(shop.root) for path in shop.root.rglob("*")) == before
