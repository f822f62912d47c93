"""The real linters, formatters and compilers of npm over small projects, in the sandbox."""

from __future__ import annotations

import json

import pytest

from lemnos.domains.quality.model import Level, Verdict
from lemnos.runners.gates.ecmascript.format import BiomeFormat, Prettier
from lemnos.runners.gates.ecmascript.lint import Biome, Eslint, LintScript, Oxlint
from lemnos.runners.gates.ecmascript.types import TypeScript
from tests.support.gating import Scratch

CONFIG = 'export default [{ rules: { "no-unused-vars": "error", "prefer-const": "warn" } }];\n'
UNUSED = "const unused = 1;\n"
CLEAN = "export const one = 1;\n"


async def test_eslint_tells_each_finding_with_its_place(scratch: Scratch) -> None:
    scratch.package("eslint", type="module")
    scratch.write({"eslint.config.js": CONFIG, "src/a.js": "let unused = 1;\n"})

    result = await scratch.judge(Eslint())

    assert result.verdict is Verdict.FAILED
    assert result.message == "1 error, 1 warning."
    error, warning = result.findings
    assert (error.rule, error.path, error.line, error.column) == (
        "no-unused-vars",
        "src/a.js",
        1,
        5,
    )
    assert (warning.rule, warning.level, warning.fixable) == ("prefer-const", Level.WARNING, True)


async def test_eslint_takes_the_arguments_of_the_projects_script(scratch: Scratch) -> None:
    scratch.package("eslint", type="module", scripts={"lint": "eslint src --max-warnings 0 --fix"})
    warns = CONFIG.replace('"error"', '"warn"')
    scratch.write({"eslint.config.js": warns, "src/a.js": UNUSED, "other/b.js": "let c = 1;\n"})

    result = await scratch.judge(Eslint())

    assert result.verdict is Verdict.FAILED, result.message  # a warning is too many
    assert {finding.path for finding in result.findings} == {"src/a.js"}
    assert (scratch.root / "src/a.js").read_text() == UNUSED


async def test_eslint_narrowed_to_changed_files(scratch: Scratch) -> None:
    scratch.package("eslint", type="module")
    scratch.write({"eslint.config.js": CONFIG, "a.js": UNUSED, "b.js": CLEAN})

    assert (await scratch.judge(Eslint(), changed=("b.js",))).verdict is Verdict.PASSED
    assert (await scratch.judge(Eslint(), changed=("a.js",))).verdict is Verdict.FAILED


@pytest.mark.parametrize(
    "config",
    [
        'throw new Error("boom");\n',
        'export default [{ rules: { "no-such-rule": "error" } }];\n',
        "export default [{ rules: \n",
    ],
)
async def test_an_eslint_configuration_that_can_not_be_used(scratch: Scratch, config: str) -> None:
    scratch.package("eslint", type="module")
    scratch.write({"eslint.config.js": config, "a.js": UNUSED})

    result = await scratch.judge(Eslint())

    assert result.verdict is Verdict.MISCONFIGURED
    assert not result.findings


async def test_a_file_that_eslint_can_not_parse_is_a_finding(scratch: Scratch) -> None:
    scratch.package("eslint", type="module")
    scratch.write({"eslint.config.js": CONFIG, "a.js": "let = ;\n"})

    result = await scratch.judge(Eslint())

    assert [finding.rule for finding in result.findings] == ["parse-error"]


async def test_biome(scratch: Scratch) -> None:
    scratch.package("@biomejs/biome")
    scratch.write({"biome.json": "{}", "a.js": "export const a = 1;\ndebugger;\n"})

    result = await scratch.judge(Biome())
    scratch.write({"a.js": CLEAN})
    clean = await scratch.judge(Biome())
    scratch.write({"biome.json": '{"linter": 3}'})
    broken = await scratch.judge(Biome())

    assert result.verdict is Verdict.FAILED
    assert [(one.rule, one.path, one.line) for one in result.findings] == [
        ("lint/suspicious/noDebugger", "a.js", 2)
    ]
    assert clean.verdict is Verdict.PASSED, clean.message
    assert broken.verdict is Verdict.MISCONFIGURED


async def test_oxlint(scratch: Scratch) -> None:
    scratch.package("oxlint", scripts={"lint": "oxlint src --deny no-debugger"})
    scratch.write({"src/a.js": "debugger;\n"})

    result = await scratch.judge(Oxlint())
    scratch.write({".oxlintrc.json": "{"})
    broken = await scratch.judge(Oxlint())

    assert result.verdict is Verdict.FAILED
    assert [(one.rule, one.path, one.line) for one in result.findings] == [
        ("eslint(no-debugger)", "src/a.js", 1)
    ]
    assert broken.verdict is Verdict.MISCONFIGURED


@pytest.mark.parametrize(("script", "verdict"), [("true", "passed"), ("echo no; false", "failed")])
async def test_another_lint_script_is_judged_by_its_end(
    bare: Scratch, script: str, verdict: str
) -> None:
    bare.package(scripts={"lint": script})

    result = await bare.judge(LintScript())

    assert result.verdict == verdict
    assert [finding.message for finding in result.findings] == (
        ["npm run lint ended with 1: no"] if verdict == "failed" else []
    )


async def test_prettier_looks_or_writes(scratch: Scratch) -> None:
    scratch.package("prettier", scripts={"format": "prettier --write src"})
    ugly = "const  a = 1\n"
    scratch.write({"src/a.js": ugly, "src/b.js": "const b = 1;\n", "c.js": ugly})

    looked = await scratch.judge(Prettier(), no_format=True)
    before = (scratch.root / "src/a.js").read_text()
    wrote = await scratch.judge(Prettier())

    assert (looked.verdict, before) == (Verdict.FAILED, ugly)
    assert [(one.path, one.fixable) for one in looked.findings] == [("src/a.js", True)]
    assert (wrote.verdict, wrote.message) == (
        Verdict.PASSED,
        "All files are formatted. 1 file was changed.",
    )
    assert (scratch.root / "src/a.js").read_text() == "const a = 1;\n"
    assert (scratch.root / "c.js").read_text() == ugly


async def test_what_prettier_can_not_read(scratch: Scratch) -> None:
    scratch.package("prettier")
    scratch.write({"package.json": "{}\n", "a.js": "let = ;\n", ".prettierrc": "semi: true\n"})

    unparsed = await scratch.judge(Prettier(), no_format=True)
    scratch.write({".prettierrc": "{semi\n"})
    broken = await scratch.judge(Prettier(), no_format=True)

    assert [(one.rule, one.path, one.line) for one in unparsed.findings] == [
        ("parse-error", "a.js", 1)
    ]
    assert broken.verdict is Verdict.MISCONFIGURED


async def test_biome_formats(scratch: Scratch) -> None:
    scratch.package("@biomejs/biome")
    scratch.write({"biome.json": "{}\n", "src/a.js": "const  a = 1\n"})

    looked = await scratch.judge(BiomeFormat(), no_format=True)
    wrote = await scratch.judge(BiomeFormat())

    assert looked.verdict is Verdict.FAILED
    assert "src/a.js" in {finding.path for finding in looked.findings}
    assert wrote.verdict is Verdict.PASSED
    assert (scratch.root / "src/a.js").read_text() == "const a = 1;\n"


TSCONFIG = json.dumps({"compilerOptions": {"strict": True, "types": []}, "include": ["src"]})


async def test_typescript(scratch: Scratch) -> None:
    scratch.package("typescript")
    scratch.write({"tsconfig.json": TSCONFIG, "src/a.ts": 'export const a: number = "x";\n'})

    wrong = await scratch.judge(TypeScript())
    scratch.write({"src/a.ts": "export const a: number = 1;\n"})
    right = await scratch.judge(TypeScript())

    assert wrong.verdict is Verdict.FAILED
    assert [(one.rule, one.path, one.line, one.column) for one in wrong.findings] == [
        ("TS2322", "src/a.ts", 1, 14)
    ]
    assert right.verdict is Verdict.PASSED
    assert not list((scratch.root / "src").glob("*.js"))


@pytest.mark.parametrize("config", ["{,}", TSCONFIG.replace("src", "nowhere")])
async def test_a_tsconfig_that_can_not_be_used(scratch: Scratch, config: str) -> None:
    scratch.package("typescript")
    scratch.write({"tsconfig.json": config, "src/a.ts": "export const a = 1;\n"})

    assert (await scratch.judge(TypeScript())).verdict is Verdict.MISCONFIGURED


async def test_what_is_declared_and_not_installed_is_missing(bare: Scratch) -> None:
    bare.package("eslint")
    bare.write({"pnpm-lock.yaml": "lockfileVersion: '9.0'\n", "a.js": CLEAN})

    result = await bare.judge(Eslint())

    assert result.verdict is Verdict.MISSING_TOOL
    assert "pnpm install --frozen-lockfile" in result.message


async def test_a_package_json_that_does_not_parse(bare: Scratch) -> None:
    bare.write({"package.json": "{", "a.js": CLEAN})

    result = await bare.judge(LintScript())

    assert result.verdict is Verdict.MISCONFIGURED
    assert "package.json" in result.message


async def test_a_project_without_scripts_has_nothing_to_judge(bare: Scratch) -> None:
    bare.write({"a.py": "x = 1\n"})

    assert (await bare.judge(Eslint())).verdict is Verdict.NOT_APPLICABLE
