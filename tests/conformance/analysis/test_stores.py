"""Analyses, their files and opportunities, and facts by content, on both databases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from lemnos.domains.analysis.facts import Facts, Finding, findings_of, packed_findings
from lemnos.domains.analysis.facts_store import FactsStore
from lemnos.domains.analysis.model import (
    Analysis,
    AnalysisType,
    FileMetrics,
    NewAnalysis,
    Opportunity,
    OpportunityType,
    Options,
    Risk,
    Status,
    Summary,
)
from lemnos.domains.analysis.store import PART, AnalysisStore
from lemnos.platform.db import Database

SECOND = 1_000_000
SUMMARY = Summary(3, 2, 1, 0, 41.5, 1, 7, 2.25, {"python": 3}, ("a note",))


def _analysis(number: int, **changes: object) -> Analysis:
    asked = NewAnalysis("/srv/shop", type=AnalysisType.FULL, options=Options(max_opportunities=3))
    made = Analysis(f"analysis_{number}", "acme", "ann", Status.RUNNING, asked, number * SECOND)
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture
def store(database: Database) -> AnalysisStore:
    return AnalysisStore(database)


@pytest.fixture
def facts(database: Database) -> FactsStore:
    return FactsStore(database)


async def _add(database: Database, store: AnalysisStore, *analyses: Analysis) -> None:
    async def body(tx):
        for each in analyses:
            store.add(tx, each)

    await database.write(body)


async def test_an_analysis_comes_back_as_it_was_stored(database, store):
    whole = _analysis(1, status=Status.COMPLETED, summary=SUMMARY, commit="c0ffee", branch="main",
                      progress=1.0, started_at=5, ended_at=9, trace_id="t")  # fmt: skip
    await _add(database, store, whole, _analysis(2))
    assert await store.get("acme", "analysis_1") == whole
    assert await store.get("acme", "analysis_2") == _analysis(2)
    assert await store.get("other", "analysis_1") is None


async def test_changes_are_of_one_analysis(database, store):
    await _add(database, store, _analysis(1), _analysis(2))
    await database.write(
        lambda tx: store.change(tx, _analysis(1), status=Status.COMPLETED, summary=SUMMARY)
    )
    changed = await store.get("acme", "analysis_1")
    assert (changed.status, changed.summary) == (Status.COMPLETED, SUMMARY)
    assert (await store.get("acme", "analysis_2")).status is Status.RUNNING


async def test_pages_are_filtered_and_the_newest_come_first(database, store):
    elsewhere = NewAnalysis("https://example.com/x.git")
    await _add(
        database,
        store,
        *(_analysis(n) for n in range(5)),
        _analysis(5, asked=elsewhere),
        _analysis(6, status=Status.FAILED),
        _analysis(7, tenant="other"),
    )

    async def page(**filters: Any) -> tuple[list[int], int | None]:
        found = await store.page("acme", **filters)
        return [each.created_at // SECOND for each in found.items], found.total

    assert await page() == ([6, 5, 4, 3, 2, 1, 0], 7)
    assert await page(limit=2, offset=1) == ([5, 4], 7)
    assert await page(repository="/srv/shop", status="running") == ([4, 3, 2, 1, 0], 5)
    assert await page(since=4 * SECOND) == ([6, 5, 4], 3)
    assert await page(limit=0) == ([], 7)


def _opportunity(number: int) -> Opportunity:
    return Opportunity(
        f"opp_{number}", "analysis_1", "acme", OpportunityType.EXTRACT_FUNCTION, "a.py", "b10b",
        "too long", 3, 9, "f", {"complexity_reduction": 40.0}, Risk.MEDIUM, "why", 0.5,
        9.5 - number, {"lines": [1, 2], "name": "g"},
    )  # fmt: skip


async def test_results_replace_those_of_an_earlier_try(database, store):
    analysis = _analysis(1)
    await _add(database, store, analysis)
    files = [FileMetrics(f"f{n:04}.py", "python", f"{n:040x}", n) for n in range(PART * 2 + 7)]
    await database.write(lambda tx: store.put_results(tx, analysis, files[:3], [_opportunity(9)]))
    found = [_opportunity(1), _opportunity(2)]
    await database.write(lambda tx: store.put_results(tx, analysis, files, found))
    assert await store.opportunities("acme", "analysis_1") == tuple(found)
    assert await store.opportunity("acme", "opp_2") == found[1]
    assert await store.opportunity("acme", "opp_9") is None
    assert await store.opportunity("other", "opp_2") is None
    for limit, offset in ((10, 0), (10, PART - 5), (PART, PART), (1000, 0), (5, PART * 2 + 4)):
        some = await store.files("acme", "analysis_1", limit, offset)
        assert list(some) == files[offset : offset + limit]
    assert await store.files("other", "analysis_1", 10, 0) == ()
    assert await store.files("acme", "analysis_1", 0, 0) == ()


async def test_how_long_analyses_took_here_or_else_anywhere(database, store):
    done = {"status": Status.COMPLETED, "started_at": 10}
    quick = NewAnalysis("/srv/shop", type=AnalysisType.QUICK)
    await _add(
        database,
        store,
        _analysis(1, ended_at=30, **done),
        _analysis(2, ended_at=11, asked=quick, **done),
    )
    here = await store.durations("acme", _analysis(3).asked)
    assert (here.durations, here.basis) == ((20,), "earlier analyses of this repository")
    elsewhere = await store.durations("acme", NewAnalysis("/srv/other"))
    assert elsewhere.durations == (20,)
    assert "other repositories" in elsewhere.basis
    assert (await store.durations("other", quick)).durations == ()


FACTS = Facts(
    lines=9,
    functions=2,
    fingerprints=b"\1\2",
    findings=packed_findings([Finding("x", "f", 1, 2, "d", "m", 1.5, {"a": [1]})]),
)


async def test_facts_are_kept_by_tenant_and_key(database, facts):
    made = {f"k{n}": msgspec.structs.replace(FACTS, lines=n) for n in range(450)}
    await database.write(lambda tx: facts.put(tx, "acme", made, 100))
    found = await facts.get("acme", [f"k{n}" for n in range(0, 900, 2)])
    assert {key: each.lines for key, each in found.items()} == {
        f"k{n}": n for n in range(0, 450, 2)
    }
    assert findings_of(found["k0"].findings)[0].data == {"a": [1]}
    assert await facts.get("other", ["k0"]) == {}
    assert await facts.get("acme", []) == {}


async def test_facts_that_are_older_are_left_out_on_request(database, facts):
    await database.write(lambda tx: facts.put(tx, "acme", {"old": FACTS, "both": FACTS}, 100))
    await database.write(lambda tx: facts.put(tx, "acme", {"both": FACTS}, 200))
    assert set(await facts.get("acme", ["old", "both"], since=150)) == {"both"}


async def test_the_longest_unused_go_first(database, facts):
    day = 86_400 * SECOND
    for at in range(4):
        made = {f"k{at}": FACTS}
        await database.write(lambda tx, made=made, at=at: facts.put(tx, "acme", made, at * day))
    await database.write(lambda tx: facts.used(tx, "acme", ["k0"], 9 * day))
    assert await facts.prune(day, limit=1 << 30) == 1  # k1, as k0 was of use since
    keys = ["k0", "k1", "k2", "k3"]
    assert set(await facts.get("acme", keys)) == {"k0", "k2", "k3"}
    one = len(msgspec.msgpack.encode(FACTS))
    assert await facts.prune(0, limit=one) == 2
    assert set(await facts.get("acme", keys)) == {"k0"}
