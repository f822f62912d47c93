"""Clean-ups that ruff does: dead imports, unused variables, import order, formatting, and more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lemnos.runners.builtin import ruff
from lemnos.runners.builtin.operations.base import Applied, Finding, Work, says

CLEAN_UP = r"\bclean(?:ing)?[ -]?up\b|\btidy\b|\brefactor\b"


@dataclass(frozen=True)
class Lint:
    """One group of ruff rules whose fixes are applied. See https://docs.astral.sh/ruff/rules/."""

    name: str
    rules: str
    patterns: tuple[str, ...]
    unsafe: bool = False  # fixes that ruff itself does not call safe: the tests must vouch
    risky: bool = True

    def detect(self, work: Work) -> Sequence[Finding]:
        found = ruff.check(work.tree.root, self.rules, targets=_targets(work))
        return [Finding(item.path, item.line, item.message) for item in found]

    def apply(self, work: Work) -> Applied:
        before = work.tree.snapshot(".py", ".pyi")
        options = ("--fix", "--unsafe-fixes") if self.unsafe else ("--fix",)
        left = ruff.check(work.tree.root, self.rules, *options, targets=_targets(work))
        applied = Applied(
            left=[f"{at.path}:{at.line}: {at.message} (ruff applies no fix to it)" for at in left]
        )
        changed = work.tree.changed_since(before)
        applied.done += [f"{path}: {self.name}" for path in changed]
        return applied


@dataclass(frozen=True)
class Formatting:
    """`ruff format`, with the project's own settings."""

    name: str = "formatting"
    risky: bool = False  # ruff's formatter keeps the syntax tree as it is

    def detect(self, work: Work) -> Sequence[Finding]:
        unformatted = ruff.unformatted(work.tree.root, _targets(work))
        return [Finding(path, 0, "is not formatted") for path in unformatted]

    def apply(self, work: Work) -> Applied:
        before = work.tree.snapshot(".py", ".pyi")
        ruff.format_files(work.tree.root, _targets(work))
        changed = work.tree.changed_since(before)
        return Applied(done=[f"{path}: formatted" for path in changed])


LINTS = (
    Lint(
        "unused imports and variables",
        "F401,F841,F811",
        (
            r"\b(?:unused|dead|unneeded|redundant) (?:\w+ (?:and|or) )?(?:import|variable)",
            CLEAN_UP,
        ),
        unsafe=True,
    ),
    Lint("simpler code", "SIM,C4,PIE,RET505,FURB", (r"\bsimplif(?:y|ies|ied)\b", r"\brefactor\b")),
    Lint("current syntax", "UP", (r"\bmoderni[sz]e\b", r"\bpyupgrade\b", r"\bcurrent syntax\b")),
    Lint(
        "lint fixes",
        "",
        (
            r"\b(?:fix|apply|correct)\b.*\b(?:lint|ruff|linter)\b",
            r"\blint (?:errors|fixes)\b",
        ),
    ),
    Lint(
        "import order",
        "I",
        (
            r"\b(?:sort|order|organi[sz]e)\b.*\bimports?\b",
            r"\bimport order\b",
            CLEAN_UP,
        ),
    ),
)


def read(prompt: str) -> Sequence[Lint]:
    """The groups of rules that a prompt asks for."""
    return [lint for lint in LINTS if says(prompt, *lint.patterns)]


def read_formatting(prompt: str) -> Sequence[Formatting]:
    """Formatting, which comes after everything else has been changed."""
    asked = says(prompt, r"\b(?:re)?format(?:ting)?\b(?! of\b)", r"\bcode style\b", CLEAN_UP)
    return [Formatting()] if asked else []


def _targets(work: Work) -> Sequence[str]:
    return work.tree.scope or (".",)
