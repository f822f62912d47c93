"""Rankings and hotspots of real repositories: git, analysers and coverage files are real."""

from __future__ import annotations

from pathlib import Path

import pytest

from lemnos.domains.analytics.model import Kind, Measurement, Strategy
from lemnos.domains.analytics.plain import plain_hotspots, plain_rankings
from lemnos.kernel import clock
from lemnos.kernel.errors import Invalid
from lemnos.main.analytics import opened_alone
from tests.support.analyses import commit, git

SIMPLE = "def one():\n    return 1\n"
BRANCHY = "def many(n):\n" + "".join(
    f"    if n == {number}:\n        return {number}\n" for number in range(12)
)
LCOV = "SF:src/branchy.py\n{}end_of_record\nSF:src/simple.py\nDA:1,1\nDA:2,1\nend_of_record\n"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Two modules, one of them complicated and often changed; a test, a script, and a page."""
    repo = tmp_path / "repo"
    commit(
        repo,
        {
            "src/simple.py": SIMPLE,
            "tests/test_simple.py": SIMPLE,
            "README.md": "hello\n",
            "vendor/theirs.py": BRANCHY,
            "broken.py": "def (:\n",
            "data.json": "{}\n" * 500,
        },
    )
    for number in range(4):
        text = BRANCHY + f"# {number}\n" * number
        commit(repo, {"src/branchy.py": text, "tests/test_simple.py": SIMPLE + f"# {number}\n"})
    return repo


async def test_measured_ranked_and_explained(repo):
    async with opened_alone(repo) as (measurer, opened):
        found = plain_rankings(await measurer.rankings("t", opened))
    assert found["strategy"] == "composite"
    assert found["commit"] == git(repo, "rev-parse", "HEAD").strip()
    paths = [one["path"] for one in found["rankings"]]
    assert paths[0] == "src/branchy.py"
    assert set(paths) == {"src/branchy.py", "src/simple.py", "broken.py"}
    first = found["rankings"][0]
    measured = git(repo, "log", "--numstat", "--format=", "--", "src/branchy.py").splitlines()
    churn = sum(int(n) for line in measured if line for n in line.split("\t")[:2])
    assert first["metrics"]["churn"] == churn
    assert first["metrics"]["revisions"] == 4
    assert first["metrics"]["complexity"] == 13
    assert first["metrics"]["coverage"] is None
    assert first["terms"] == pytest.approx(
        {"churn": 0.25 * churn / 200, "complexity": 0.15 * 13 / 25}, abs=1e-4
    )
    assert any("No coverage was found" in text for text in found["warnings"])


async def test_with_coverage_and_a_file_that_it_does_not_tell_of(repo):
    lines = "".join(f"DA:{number},{int(number < 6)}\n" for number in range(1, 26))
    (repo / "coverage").mkdir()
    (repo / "coverage" / "lcov.info").write_text(LCOV.format(lines))
    async with opened_alone(repo) as (measurer, opened):
        found = await measurer.rankings("t", opened, strategy=Strategy.RISK_WEIGHTED)
    by_path = {each.measured.path: each for each in found.rankings}
    branchy = by_path["src/branchy.py"]
    assert branchy.measured.coverage is not None
    assert branchy.measured.coverage.ratio == 0.2
    assert branchy.terms["coverage_gap"] == pytest.approx(0.5 * 0.55)
    assert branchy.terms["uncovered_lines"] == pytest.approx(0.3 * 20 / 200)
    assert by_path["broken.py"].measured.coverage is None
    assert by_path["broken.py"].assumed_coverage == pytest.approx(7 / 27)
    assert any("1 of 3 files is not known" in text for text in found.warnings)


async def test_coverage_of_another_project_changes_nothing(repo):
    async with opened_alone(repo) as (measurer, opened):
        before = await measurer.rankings("t", opened)
        (repo / "lcov.info").write_text("SF:lib/other.js\nDA:1,1\nend_of_record\n")
        after = await measurer.rankings("t", opened)
    assert after.rankings == before.rankings
    assert any("lcov.info is not used" in text for text in after.warnings)


async def test_hotspots_with_owners_and_coupling(repo):
    async with opened_alone(repo) as (measurer, opened):
        found = plain_hotspots(await measurer.hotspots("t", opened))
    first = found["hotspots"][0]
    assert (first["path"], first["score"]) == ("src/branchy.py", 0.8)  # 4 of 5 revisions
    assert first["owners"] == [
        {"name": "Test", "share": 1.0, "commits": 4, "last_at": first["owners"][0]["last_at"]}
    ]
    assert first["fragmentation"] == 0
    assert [each["path"] for each in first["coupling"]] == ["tests/test_simple.py"]
    assert found["commits"] == 5


async def test_a_folder_of_it_alone(repo):
    async with opened_alone(repo / "src") as (measurer, opened):
        found = await measurer.rankings("t", opened)
    assert {each.measured.path for each in found.rankings} == {"src/branchy.py", "src/simple.py"}


async def test_what_others_have_sent(repo):
    async with opened_alone(repo) as (measurer, opened):
        head, now = opened.revision.commit, clock.now()
        sent = [
            Measurement(str(repo), Kind.COVERAGE, "ci", head, {"/ci/src/branchy.py": (3, 4)}, now),
            Measurement(str(repo / "src"), Kind.CHURN, "p4", "", {"simple.py": (900, 30)}, now),
        ]
        found = await measurer.rankings("t", opened, strategy=Strategy.CHURN_BASED, sent=sent)
    by_path = {each.measured.path: each.measured for each in found.rankings}
    assert found.rankings[0].measured.path == "src/simple.py"
    assert (by_path["src/simple.py"].churn, by_path["src/simple.py"].revisions) == (900, 30)
    coverage = by_path["src/branchy.py"].coverage
    assert coverage is not None
    assert coverage.ratio == 0.75


async def test_nothing_new_in_the_period_is_said(tmp_path):
    repo = tmp_path / "repo"
    commit(repo, {"a.py": SIMPLE}, when="2020-01-01T00:00:00Z")
    async with opened_alone(repo) as (measurer, opened):
        found = await measurer.rankings("t", opened, days=30)
        all_of_it = await measurer.rankings("t", opened, days=36_500)
    assert found.rankings[0].measured.churn == 0
    assert any("last 30 days" in text for text in found.warnings)
    assert all_of_it.rankings[0].measured.churn == 2


@pytest.mark.parametrize("asked", [{"limit": 0}, {"limit": 101}, {"days": 0}, {"days": 36_501}])
async def test_limits(repo, asked):
    async with opened_alone(repo) as (measurer, opened):
        with pytest.raises(Invalid) as caught:
            await measurer.rankings("t", opened, **asked)
        with pytest.raises(Invalid):
            await measurer.hotspots("t", opened, **asked)
    assert list(caught.value.fields) == list(asked)
