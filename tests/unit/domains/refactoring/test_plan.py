"""Orders, prompts and pull requests of refactorings; what contradicts itself is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lemnos.domains.analysis.model import (
    Analysis,
    NewAnalysis,
    Opportunity,
    OpportunityType,
    Risk,
)
from lemnos.domains.analysis.model import Status as AnalysisStatus
from lemnos.domains.quality.safety import Check, CheckResult, Outcome, Safety, SafetyReport
from lemnos.domains.refactoring import plan
from lemnos.domains.refactoring.examining import blob_of
from lemnos.domains.refactoring.model import (
    Changed,
    Effect,
    NewRefactoring,
    PullRequestOptions,
    Refactoring,
    Status,
    check,
    demand,
)
from lemnos.kernel.errors import Conflict, Invalid

OPPORTUNITY = Opportunity(
    id="opp_1",
    analysis_id="analysis_1",
    tenant="t",
    type=OpportunityType.REDUCE_COMPLEXITY,
    path="src/a.py",
    blob="b" * 40,
    description="level has a complexity of 14.",
    start=3,
    end=20,
    symbol="level",
    impact={"complexity_reduction": 30.0},
    risk=Risk.MEDIUM,
    risk_reason="the flow changes",
    effort_hours=2.0,
    priority=9.0,
    data={"cyclomatic": 14},
)
ANALYSIS = Analysis(
    "analysis_1",
    "t",
    "ada",
    AnalysisStatus.COMPLETED,
    NewAnalysis("https://h.example/r", provider_key="k"),
    1,
    branch="main",
)
REFACTORING = Refactoring(
    "refactor_abcdefgh",
    "t",
    "ada",
    Status.CHECKING,
    NewRefactoring("opp_1", agent_id="me"),
    "analysis_1",
    "https://h.example/r",
    "src/a.py",
    1,
    method="builtin",
)


def test_tools_get_the_operation_and_no_agent_is_pinned() -> None:
    order = plan.order_of(REFACTORING, ANALYSIS, OPPORTUNITY, by_agent=False, longest=600)

    assert order.operation["type"] == "reduce_complexity"
    assert order.operation["data"] == {"cyclomatic": 14}
    assert (order.agent_id, order.branch, order.provider_key) == ("", "main", "k")
    assert order.timeout_seconds == 600


def test_an_agent_gets_the_opportunity_as_its_prompt() -> None:
    order = plan.order_of(REFACTORING, ANALYSIS, OPPORTUNITY, by_agent=True, longest=9_999)

    assert order.operation == {}
    assert order.agent_id == "me"
    assert "Refactor src/a.py, lines 3 to 20 (level)." in order.description
    assert "keep all tests passing" in order.description


@pytest.mark.parametrize(
    ("path", "kind", "has"),
    [
        ("a.py", OpportunityType.SPLIT_CLASS, True),
        ("a.ts", OpportunityType.SIMPLIFY_CONDITIONAL, True),
        ("a.ts", OpportunityType.SPLIT_CLASS, False),
        ("a.go", OpportunityType.EXTRACT_CONSTANT, False),
    ],
)
def test_what_tools_may_be_able_to_do(path: str, kind: OpportunityType, has: bool) -> None:
    assert plan.has_tool(replace(OPPORTUNITY, path=path, type=kind)) is has


def test_a_pull_request_says_why_what_was_checked_and_what_it_was_worth() -> None:
    report = SafetyReport(
        (
            CheckResult(Check.TESTS, Outcome.PASSED, "pytest", "3 | 3"),
            CheckResult(Check.TYPES, Outcome.NOT_RUN, detail="mypy is missing"),
        )
    )
    effect = Effect(30.0, 61.25, 40.0, 14, 6)

    body = plan.body_of(REFACTORING, OPPORTUNITY, report, effect, Changed(1, 5, 9))

    assert report.overall is Safety.CAUTION
    assert "level has a complexity of 14." in body
    assert "| test_execution | passed | pytest | 3 \\| 3 |" in body
    assert "| type_checking | not run |  | mypy is missing |" in body
    assert "chaos score 61.2 → 40.0, complexity 14 → 6 (promised: 30 % less)" in body
    assert plan.title_of(REFACTORING, OPPORTUNITY) == "Reduce complexity: level in src/a.py"
    assert plan.branch_of(REFACTORING, OPPORTUNITY) == "refactor/reduce-complexity-abcdefgh"


@pytest.mark.parametrize(
    "branch", ["a..b", "/a", "a/", "a b", "-a", "a.lock", "a//b", "a@{b", "é~"]
)
def test_a_name_that_git_takes_for_no_branch_is_refused(branch: str) -> None:
    with pytest.raises(Invalid) as refused:
        check(NewRefactoring("opp_1", pull_request=PullRequestOptions(branch=branch)))
    assert "pr_options.branch" in refused.value.fields


@pytest.mark.parametrize("branch", ["refactor/helpers", "a", "a-b_c.d/e+f@g"])
def test_a_name_of_a_branch_is_taken(branch: str) -> None:
    check(NewRefactoring("opp_1", pull_request=PullRequestOptions(branch=branch)))


def test_a_dry_run_is_not_proposed() -> None:
    with pytest.raises(Invalid):
        check(NewRefactoring("opp_1", dry_run=True, create_pr=True))


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.ROLLED_BACK, Status.FAILED])
def test_what_has_ended_stays_so(status: Status) -> None:
    with pytest.raises(Conflict):
        demand(status, Status.CANCELLED)


def test_blobs_are_gits() -> None:
    empty = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"

    assert blob_of(b"", empty) == empty
    assert len(blob_of(b"", "0" * 64)) == 64
