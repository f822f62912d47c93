"""The agent without a model: what a prompt asks for is matched to deterministic operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lemnos.runners.builtin.operations.base import Applied, BadInstruction, Finding, Operation, Work
from lemnos.runners.builtin.planner import selected_by
from lemnos.runners.builtin.protocol import Emitter, Outcome, Request
from lemnos.runners.builtin.testrun import TestReport, TestSuite
from lemnos.runners.builtin.tidy import keep_tidy
from lemnos.runners.builtin.tree import Tree, paths_named_in

MAX_LISTED = 20

ABILITIES = """\
Without a model, the built-in agent does what deterministic tools can do. Ask it to
- fix the failing tests (missing imports, misspelled names, mutable defaults and the like);
- remove unused imports and variables, sort imports, format, simplify, modernize, fix lint errors;
- split long functions; remove dead code; remove trailing whitespace; clean up or refactor;
- `rename OLD to NEW in PATH`; `rewrite: PATTERN -> REPLACEMENT [language]`;
- `create PATH:` or `append to PATH:` with the content in a fenced block; `run: COMMAND`.
For anything else, give it a model (a credential for Anthropic or OpenAI, or any endpoint that \
speaks like theirs), or choose the runtime claude-code, codex or acp:<name>."""


@dataclass
class Done:
    """What became of one operation."""

    operation: str
    found: int = 0
    left_after: int = 0
    done: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    failed: str = ""


def run(request: Request, emitter: Emitter, root: Path) -> Outcome:
    """Carry out what the prompt asks for; what it asks for in vain is a failure that says so."""
    try:
        operations = selected_by(request.prompt)
    except BadInstruction as error:
        return Outcome("failed", error=str(error), error_class="unsuited")
    if not operations:
        reason = "nothing in the prompt matches what can be done without a model"
        return Outcome("failed", ABILITIES, f"{reason}. {ABILITIES}", "unsuited")
    emitter.emit("thinking", text="Planned: " + "; ".join(op.name for op in operations))
    tree = Tree(root)
    tree.scope = paths_named_in(request.prompt, tree)
    work = Work(tree, TestSuite(tree, request.test_timeout), emitter)
    before = None
    if any(operation.risky or operation.name in NEED_TESTS for operation in operations):
        before = work.verdict = work.run_tests()
    results = [_carry_out(operation, work) for operation in operations]
    return _outcome(results, before, work.verdict)


NEED_TESTS = frozenset({"failing tests", "long functions"})


def _carry_out(operation: Operation, work: Work) -> Done:
    found = operation.detect(work)
    result = Done(operation.name, len(found))
    if not found and operation.name not in NEED_TESTS:
        work.emitter.text(f"{operation.name}: nothing found.")
        return result
    call = work.emitter.tool_use(operation.name, {"findings": _listed(found)})
    try:
        applied = operation.apply(work)
    except (OSError, RuntimeError, ValueError) as error:
        applied = Applied(failed=f"{type(error).__name__}: {error}")
        work.tree.roll_back()
    keep_tidy(work.tree)
    if operation.risky and applied.done and not work.still_as_good():
        work.tree.roll_back()
        applied = Applied(left=[f"{operation.name}: taken back, since tests failed after it"])
    changes = work.tree.settle()
    for path, change in changes:
        work.emitter.file_change(path, change)
    result.done, result.left, result.failed = applied.done, applied.left, applied.failed
    result.files = [path for path, _ in changes]
    result.left_after = len(operation.detect(work))
    text = "\n".join([*applied.done, *applied.left, applied.failed]).strip() or "nothing to do"
    work.emitter.tool_result(call, operation.name, text, is_error=bool(applied.failed))
    return result


def _counted(files: int) -> str:
    if files == 0:
        return "Changed nothing."
    return f"Changed {files} file{'s' if files > 1 else ''}."


def _outcome(
    results: Sequence[Done], before: TestReport | None, after: TestReport | None
) -> Outcome:
    files = sorted({path for result in results for path in result.files})
    errors = [f"{result.operation}: {result.failed}" for result in results if result.failed]
    lines = [_counted(len(files))]
    for result in results:
        lines += [f"- {line}" for line in result.done[:MAX_LISTED]]
        if not result.done and not result.failed and not result.left:
            lines.append(f"- {result.operation}: nothing to do")
    left = [line for result in results for line in result.left]
    if left:
        lines += ["Left alone:", *(f"- {line}" for line in left[:MAX_LISTED])]
    if before is not None and after is not None:
        lines.append(f"Tests ({after.runner}): {before.summary} before, {after.summary} after.")
    elif files:
        lines.append("No tests were run.")
    report = {
        "operations": [asdict(result) for result in results],
        "files": files,
        "tests_before": before.summary if before else None,
        "tests_after": after.summary if after else None,
    }
    text = "\n".join(lines)
    if errors:
        return Outcome("failed", text, "; ".join(errors), "agent", turns=1, report=report)
    return Outcome("completed", text, turns=1, report=report)


def _listed(found: Sequence[Finding]) -> list[str]:
    listed = [str(finding) for finding in found[:MAX_LISTED]]
    rest = len(found) - len(listed)
    return [*listed, f"and {rest} more"] if rest > 0 else listed
