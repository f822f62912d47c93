"""type_checking: the project's own checker, or mypy on the changed files; only new errors fail."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from lemnos.domains.quality.ports import Inspection
from lemnos.domains.quality.safety import Check, CheckResult, Outcome
from lemnos.runners.quality.bench import Ended, Workbench

_MYPY_ERROR = re.compile(
    r"^(?P<path>[^:\n]+):(?P<line>\d+)(?::\d+)*: error: (?P<text>.*)$", re.MULTILINE
)
_PYRIGHT_ERROR = re.compile(
    r"^\s*(?P<path>\S[^:\n]*):(?P<line>\d+):\d+ - error: (?P<text>.*)$", re.MULTILINE
)
_TSC_ERROR = re.compile(
    r"^(?P<path>[^(\n]+)\((?P<line>\d+),\d+\): error (?P<text>.*)$", re.MULTILINE
)
_MYPY = ("--no-error-summary", "--no-color-output", "--no-pretty", "--hide-error-context",
         "--cache-dir=/dev/null")  # fmt: skip
# As mypy checks by default: bodies without annotations have no types that a change could break.
_MYPY_UNCONFIGURED = ("--config-file=", "--ignore-missing-imports",
                      "--follow-imports=silent", "--explicit-package-bases",
                      "--namespace-packages")  # fmt: skip
_PYTHON = frozenset({".py", ".pyi"})
_TYPESCRIPT = frozenset({".ts", ".tsx", ".mts", ".cts"})


@dataclass(frozen=True, slots=True)
class _Checker:
    """A type checker: how to run it in a tree, and what its errors look like."""

    name: str
    run: Callable[[Path, tuple[str, ...]], Awaitable[Ended]]
    error: re.Pattern[str]
    files: tuple[str, ...]


async def check_types(bench: Workbench, inspection: Inspection) -> CheckResult:
    """Errors are compared with those of the base: by file and message, whatever their line."""
    found = _checkers(bench, inspection)
    if isinstance(found, CheckResult):
        return found
    results = [await _check(checker, inspection) for checker in found]
    order = (Outcome.FAILED, Outcome.NOT_RUN, Outcome.PASSED)
    worst = min(results, key=lambda result: order.index(result.outcome))
    findings = tuple(finding for result in results for finding in result.findings)
    detail = " ".join(result.detail for result in results)
    tools = ", ".join(result.tool for result in results)
    return CheckResult(Check.TYPES, worst.outcome, tools, detail, findings)


def _checkers(bench: Workbench, inspection: Inspection) -> list[_Checker] | CheckResult:
    checkers, missing = list[_Checker](), list[str]()
    for suffixes, make in ((_PYTHON, _python_checker), (_TYPESCRIPT, _typescript_checker)):
        if files := _of(inspection, suffixes):
            made = make(bench, inspection, files)
            if isinstance(made, str):
                missing.append(made)
            else:
                checkers.append(made)
    if missing:
        return CheckResult(Check.TYPES, Outcome.NOT_RUN, detail=" ".join(missing))
    if not checkers:
        detail = "No changed file is in a language whose types are checked here."
        return CheckResult(Check.TYPES, Outcome.NOT_RUN, detail=detail)
    return checkers


async def _check(checker: _Checker, inspection: Inspection) -> CheckResult:
    old_files = tuple(path for path in checker.files if (inspection.base / path).is_file())
    before = await checker.run(inspection.base, old_files) if old_files else None
    after = await checker.run(inspection.tree, checker.files)
    for ended in (after, before):
        if ended is not None and (trouble := _trouble(checker, ended)):
            detail = f"{checker.name} gave no verdict: {trouble}"
            return CheckResult(Check.TYPES, Outcome.NOT_RUN, checker.name, detail)
    old = _errors(checker, before.stdout) if before else Counter()
    new = _errors(checker, after.stdout)
    added = list((new - old).elements())
    detail = f"{sum(old.values())} errors before, {sum(new.values())} after."
    outcome = Outcome.FAILED if added else Outcome.PASSED
    return CheckResult(Check.TYPES, outcome, checker.name, detail, tuple(added))


def _trouble(checker: _Checker, ended: Ended) -> str:
    """Why there is no verdict: a hang, a crash, or a complaint about something else."""
    if ended.problem:
        return ended.problem
    if ended.exit_code == 0 or _errors(checker, ended.stdout):
        return ""
    return f"it ended with {ended.exit_code}: {ended.output[-400:]}"


def _errors(checker: _Checker, output: str) -> Counter[str]:
    """``path: message`` of each error; a refactoring moves lines, so they do not tell."""
    return Counter(
        f"{PurePosixPath(found['path'].strip())}: {_LINES.sub('line', found['text'])}"
        for found in checker.error.finditer(output)
    )


_LINES = re.compile(r"\bline \d+")


def _python_checker(
    bench: Workbench, inspection: Inspection, files: tuple[str, ...]
) -> _Checker | str:
    tree = inspection.tree
    if _configures(tree, "pyright") or (tree / "pyrightconfig.json").is_file():
        program = bench.find("pyright", tree / "node_modules/.bin")
        if program is None:
            return "The project is configured for pyright, which is missing: install pyright."
        return _Checker("pyright", _runs(bench, inspection, (str(program),)), _PYRIGHT_ERROR, files)
    program = bench.find("mypy")
    if program is None:
        return "mypy is missing: install it beside Lemnos (pip install mypy)."
    argv: tuple[str, ...] = (str(program), *_MYPY)
    own = _configures(tree, "mypy") or any((tree / n).is_file() for n in ("mypy.ini", ".mypy.ini"))
    if not own:
        argv = (*argv, *_MYPY_UNCONFIGURED)
    name = "mypy, as the project configures it" if own else "mypy"
    return _Checker(name, _runs(bench, inspection, argv), _MYPY_ERROR, files)


def _typescript_checker(
    bench: Workbench, inspection: Inspection, files: tuple[str, ...]
) -> _Checker | str:
    if not (inspection.tree / "tsconfig.json").is_file():
        return "There is no tsconfig.json, so nothing says how the types are to be checked."
    program = bench.find("tsc", inspection.tree / "node_modules/.bin")
    if program is None:
        return "tsc is missing: install TypeScript (npm install -g typescript)."
    argv = (str(program), "--noEmit", "--pretty", "false", "--project", "tsconfig.json")

    async def run(tree: Path, _files: tuple[str, ...]) -> Ended:
        return await bench.run(argv, tree, inspection.timeout, readonly=inspection.readonly)

    return _Checker("tsc", run, _TSC_ERROR, files)


def _runs(
    bench: Workbench, inspection: Inspection, argv: tuple[str, ...]
) -> Callable[[Path, tuple[str, ...]], Awaitable[Ended]]:
    return partial(_run, bench, inspection, argv)


async def _run(
    bench: Workbench,
    inspection: Inspection,
    argv: tuple[str, ...],
    tree: Path,
    files: tuple[str, ...],
) -> Ended:
    source = str(tree / "src") if (tree / "src").is_dir() else ""
    env = {"MYPYPATH": source} if source else {}
    command = (*argv, "--", *files) if "mypy" in argv[0] else (*argv, *files)
    return await bench.run(command, tree, inspection.timeout, env=env, readonly=inspection.readonly)


def _configures(tree: Path, tool: str) -> bool:
    """Whether pyproject.toml or setup.cfg has a section for the tool."""
    for name, section in (("pyproject.toml", f"[tool.{tool}"), ("setup.cfg", f"[{tool}")):
        try:
            lines = (tree / name).read_text(errors="replace").splitlines()
        except OSError:
            continue
        if any(line.startswith((f"{section}]", f"{section}.")) for line in lines):
            return True
    return False


def _of(inspection: Inspection, suffixes: frozenset[str]) -> tuple[str, ...]:
    """Changed files of a language that are still there, without options among them."""
    return tuple(
        path
        for path in inspection.changed
        if PurePosixPath(path).suffix.lower() in suffixes and (inspection.tree / path).is_file()
    )
