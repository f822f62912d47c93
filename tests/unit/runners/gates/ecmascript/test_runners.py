"""The real test runners of npm over small projects, in the sandbox."""

from __future__ import annotations

import pytest

from lemnos.domains.quality.model import Verdict
from lemnos.runners.gates.ecmascript.tests import Jest, Mocha, NodeTest, TestScript, Vitest
from lemnos.runners.gates.plugin import AnyChecker
from tests.support.gating import Scratch

SUMS = "exports.add = (a, b) => {\n  if (a > 9) {\n    return 0;\n  }\n  return a + b;\n};\n"
BODY = """
describe("sums", () => {
  it("adds", () => assert.equal(add(1, 2), 3));
  it("fails", () => {
    assert.equal(add(1, 2), 4);
  });
  it.skip("later", () => {});
});
"""
COMMON = 'const assert = require("assert");\nconst { add } = require("../sums.js");\n'
NODE = f'const {{ describe, it }} = require("node:test");\n{COMMON}{BODY}'
VITEST = (
    'import { describe, it } from "vitest";\nimport assert from "node:assert";\n'
    f'import {{ add }} from "../sums.js";\n{BODY}'
)

RUNNERS = [
    (Vitest(), "vitest run", "test/sums.test.js", VITEST, 6),
    (Jest(), "jest", "test/sums.test.js", COMMON + BODY, 6),
    (Mocha(), "mocha test/sums.test.js", "test/sums.test.js", COMMON + BODY, 6),
    (NodeTest(), "node --test test/", "test/sums.test.js", NODE, 7),
]


@pytest.mark.parametrize(("runner", "script", "path", "text", "line"), RUNNERS)
async def test_each_failed_test_is_a_finding(
    scratch: Scratch, runner: AnyChecker, script: str, path: str, text: str, line: int
) -> None:
    scratch.package(scripts={"test": script})
    scratch.write({"sums.js": SUMS, path: text})
    if runner.tool == "vitest":
        scratch.write({"sums.js": SUMS.replace("exports.add =", "export const add =")})

    report = await scratch.report(runner, gates=("tests",))
    result = report.results[0]

    assert result.verdict is Verdict.FAILED, result.output
    counts = {name: result.metadata[name] for name in ("passed", "failed", "skipped")}
    assert counts == {"passed": 1, "failed": 1, "skipped": 1}
    (finding,) = result.findings
    assert "fails" in finding.rule
    assert "3" in finding.message
    assert "4" in finding.message
    if runner.tool != "node":  # whose reporter does not tell the file
        assert finding.path == path
    if runner.tool in ("vitest", "jest"):
        assert finding.line is not None
        assert report.coverage["sums.js"] == (3, 4)


@pytest.mark.parametrize(("runner", "script", "path", "text", "line"), RUNNERS)
async def test_tests_that_pass(
    scratch: Scratch, runner: AnyChecker, script: str, path: str, text: str, line: int
) -> None:
    scratch.package(scripts={"test": script})
    scratch.write({"sums.js": SUMS, path: text.replace("2), 4)", "2), 3)")})
    if runner.tool == "vitest":
        scratch.write({"sums.js": SUMS.replace("exports.add =", "export const add =")})

    result = await scratch.judge(runner)

    assert (result.verdict, result.message) == (Verdict.PASSED, "2 passed, 1 skipped.")


async def test_a_test_keeps_its_fingerprint_whatever_it_says(scratch: Scratch) -> None:
    scratch.package(scripts={"test": "mocha test"})
    scratch.write({"sums.js": SUMS, "test/sums.js": COMMON + BODY})

    first = await scratch.judge(Mocha())
    scratch.write({"test/sums.js": "\n\n" + COMMON + BODY.replace("2), 4)", "2), 5)")})
    second = await scratch.judge(Mocha())

    assert first.findings[0].message != second.findings[0].message
    assert first.findings[0].fingerprint == second.findings[0].fingerprint


async def test_a_file_that_can_not_be_loaded_is_a_failure(scratch: Scratch) -> None:
    scratch.package(scripts={"test": "vitest run"})
    scratch.write({"a.test.js": 'import { gone } from "./gone.js";\n'})

    result = await scratch.judge(Vitest())

    assert result.verdict is Verdict.FAILED
    assert [finding.path for finding in result.findings] == ["a.test.js"]


async def test_a_threshold_that_is_missed_is_a_failure(scratch: Scratch) -> None:
    scratch.package(scripts={"test": "jest"}, jest={"coverageThreshold": {"global": {"lines": 99}}})
    scratch.write({"sums.js": SUMS, "a.test.js": 'require("./sums.js");\ntest("x", () => {});\n'})

    result = await scratch.judge(Jest())

    assert result.verdict is Verdict.FAILED
    assert [finding.rule for finding in result.findings] == ["coverage-threshold"]


async def test_a_suite_that_hangs(scratch: Scratch) -> None:
    scratch.package(scripts={"test": "mocha --no-timeout test"})
    scratch.write({"test/a.js": 'it("hangs", () => { for (;;); });\n'})

    result = await scratch.judge(Mocha(), timeout=3.0)

    assert result.verdict is Verdict.TIMED_OUT


async def test_a_report_that_is_cut_off(scratch: Scratch) -> None:
    scratch.package(scripts={"test": "mocha --require ./cut.js test"})
    cut = """
process.on("exit", () => {
  const option = process.argv.find((one) => one.startsWith("output="));
  require("fs").truncateSync(option.slice("output=".length), 40);
});
"""
    scratch.write({"cut.js": cut, "test/a.js": 'it("passes", () => {});\n'})

    result = await scratch.judge(Mocha())

    assert result.verdict is Verdict.CRASHED
    assert "report" in result.message


async def test_a_configuration_that_throws(scratch: Scratch) -> None:
    scratch.package(scripts={"test": "vitest run"}, type="module")
    scratch.write({"vitest.config.js": 'throw new Error("boom");\n', "a.test.js": "1;\n"})

    assert (await scratch.judge(Vitest())).verdict is Verdict.MISCONFIGURED


async def test_no_tests_are_nothing_to_judge(scratch: Scratch) -> None:
    scratch.package("vitest")

    assert (await scratch.judge(Vitest())).verdict is Verdict.NOT_APPLICABLE


@pytest.mark.parametrize(("script", "verdict"), [("true && true", "passed"), ("false", "failed")])
async def test_another_script_is_judged_by_its_end(
    bare: Scratch, script: str, verdict: str
) -> None:
    bare.package("vitest", scripts={"test": script})

    assert (await bare.judge(TestScript())).verdict == verdict
    assert (await bare.judge(Vitest())).verdict is Verdict.NOT_APPLICABLE
