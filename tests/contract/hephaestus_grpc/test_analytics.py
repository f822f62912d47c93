"""AnalyticsService: rankings, hotspots, and what others have measured."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from lemnos.grpc.generated.hephaestus.v1 import analytics_pb2 as pb
from tests.contract.hephaestus_grpc.conftest import MakeProject
from tests.contract.hephaestus_grpc.rpc import Client, details_of
from tests.support.server import PATIENCE, LemnosServer

RECORDS = 10_000
BRANCHES = "def weigh(a):\n" + "".join(f"    if a == {n}:\n        return {n}\n" for n in range(9))


@pytest.fixture
def repository(make_project: MakeProject) -> Path:
    """Two Python files, one of them with a history and branches."""
    root = committed(make_project({"hot.py": BRANCHES, "cold.py": "COLD = 1\n"}))
    for line in ("HOT = 1\n", "HOTTER = 2\n"):
        with (root / "hot.py").open("a") as file:
            file.write(line)
        committed(root)
    return root


def committed(root: Path) -> Path:
    """A folder whose files are all in a commit."""
    who = ("-c", "user.name=Hephaestus", "-c", "user.email=h@lemnos.example")
    for arguments in (("init", "-q"), ("add", "."), ("commit", "-q", "--message", "forge")):
        subprocess.run(["git", *who, *arguments], cwd=root, check=True)
    return root


END = pb.StreamIngestRequest(end=pb.IngestEnd())


def records(
    workspace: Path, coverage: Iterator[pb.CoverageRecord] | None = None, source: str = "ci"
) -> Iterator[pb.StreamIngestRequest]:
    """A whole stream."""
    target = pb.IngestTarget(workspace=str(workspace), source=source)
    yield pb.StreamIngestRequest(target=target)
    for record in coverage or ():
        yield pb.StreamIngestRequest(coverage=record)
    yield END


def ranked(client: Client, workspace: Path, strategy: str = "COMPOSITE") -> dict[str, pb.Ranking]:
    """The first hundred files, in order."""
    request = pb.GetRankingsRequest(
        workspace=str(workspace), limit=100, strategy=f"RANKING_STRATEGY_{strategy}"
    )
    answer = client.analytics.GetRankings(request, metadata=client.auth, timeout=PATIENCE)
    return {ranking.path: ranking for ranking in answer.rankings}


def refusal(client: Client, requests: Iterator[pb.StreamIngestRequest]) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        client.analytics.StreamIngest(requests, metadata=client.auth, timeout=PATIENCE)
    return caught.value


def test_ten_thousand_records_come_in_and_rankings_go_by_them(
    server: LemnosServer, client: Client, make_project: MakeProject
) -> None:
    paths = [f"parts/p{number}.py" for number in range(RECORDS)]
    repository = committed(make_project(dict.fromkeys(paths, "PART = 1\n")))
    before = ranked(client, repository, "COVERAGE_FIRST")
    assert not any(ranking.metrics.HasField("coverage") for ranking in before.values())

    measured = (
        pb.CoverageRecord(path=path, covered_lines=number % 8, total_lines=8)
        for number, path in enumerate(paths)
    )
    kept = client.analytics.StreamIngest(records(repository, measured), metadata=client.auth)
    assert (kept.coverage_records, kept.churn_records) == (RECORDS, 0)

    after = ranked(client, repository, "COVERAGE_FIRST")
    assert len(after) == 100
    # The least covered come first, and there are 1,250 of which no line is.
    assert {ranking.metrics.coverage for ranking in after.values()} == {0.0}
    assert all(ranking.metrics.coverable_lines == 8 for ranking in after.values())
    assert all(int(path[len("parts/p") : -len(".py")]) % 8 == 0 for path in after)
    params = {"workspace": str(repository), "limit": "100", "strategy": "coverage_first"}
    shown = server.client.get("/api/v1/analytics/rankings", params=params).json()["rankings"]
    assert {each["path"]: each["score"] for each in shown} == {
        path: ranking.score for path, ranking in after.items()
    }


def test_churn_that_others_have_counted_is_kept(client: Client, repository: Path) -> None:
    churn = pb.ChurnRecord(path="cold.py", churn=150, revisions=12)
    target = next(records(repository))
    sent = iter([target, pb.StreamIngestRequest(churn=churn), END])
    kept = client.analytics.StreamIngest(sent, metadata=client.auth)
    assert (kept.coverage_records, kept.churn_records) == (0, 1)
    metrics = ranked(client, repository)["cold.py"].metrics
    assert (metrics.churn, metrics.revisions) == (150, 12)


def test_a_stream_that_breaks_off_leaves_nothing(client: Client, repository: Path) -> None:
    coverage = pb.CoverageRecord(path="hot.py", covered_lines=1, total_lines=2)
    *sent, _end = records(repository, iter([coverage]))

    def broken() -> Iterator[pb.StreamIngestRequest]:
        yield from sent
        raise RuntimeError("the client breaks off")

    with pytest.raises(grpc.RpcError):
        client.analytics.StreamIngest(broken(), metadata=client.auth)
    # To the server this is the same, but for who hears of it.
    error = refusal(client, iter(sent))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert details_of(error)["BadRequest"].field_violations[0].field == "end"
    assert not ranked(client, repository)["hot.py"].metrics.HasField("coverage")


def test_what_is_wrong_with_a_stream_is_said_of_its_record(
    client: Client, repository: Path
) -> None:
    good = pb.CoverageRecord(path="a.py", covered_lines=1, total_lines=2)
    wrong = {
        "record": records(repository),
        "target": iter([pb.StreamIngestRequest(coverage=good)]),
        "record[2].path": records(repository, iter([good, good])),
        "record[1].target": (next(records(repository)) for _ in range(2)),
        "content": records(
            repository, iter([pb.CoverageRecord(path="a.py", covered_lines=3, total_lines=2)])
        ),
        "source": records(repository, iter([good]), source=""),
        "workspace": records(Path("/etc"), iter([good])),
    }
    for field, requests in wrong.items():
        error = refusal(client, requests)
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, field
        assert [each.field for each in details_of(error)["BadRequest"].field_violations] == [field]


def test_a_stream_without_end_is_ended(client: Client, repository: Path) -> None:
    long = "x" * 1_000_000
    endless = (pb.CoverageRecord(path=f"{long}{number}") for number in itertools.count())
    error = refusal(client, records(repository, endless))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert details_of(error)["ErrorInfo"].reason == "TOO_MANY_RECORDS"


def test_hotspots_tell_who_knows_a_file(client: Client, repository: Path) -> None:
    request = pb.GetHotspotsRequest(workspace=str(repository))
    answer = client.analytics.GetHotspots(request, metadata=client.auth, timeout=PATIENCE)
    assert answer.commits == 3
    hottest = answer.hotspots[0]
    assert hottest.path == "hot.py"
    assert hottest.metrics.complexity == 10
    assert [(owner.name, owner.share) for owner in hottest.owners] == [("Hephaestus", 1.0)]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.GetRankingsRequest(limit=0), "limit"),
        (pb.GetRankingsRequest(limit=101), "limit"),
        (pb.GetRankingsRequest(days=0), "days"),
        (pb.GetRankingsRequest(strategy=77), "strategy"),  # type: ignore[arg-type]
        (pb.GetRankingsRequest(workspace="/etc"), "workspace"),
        (pb.GetRankingsRequest(workspace="/etc", task_id="task_x"), "task_id"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_of_its_field(
    client: Client, request_: pb.GetRankingsRequest, field: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        client.analytics.GetRankings(request_, metadata=client.auth)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    (violation,) = details_of(caught.value)["BadRequest"].field_violations
    assert violation.field == field


@pytest.mark.parametrize("strategy", [name for name, n in pb.RankingStrategy.items() if n])
def test_each_strategy_is_answered_by_its_name(
    client: Client, repository: Path, strategy: str
) -> None:
    number = pb.RankingStrategy.Value(strategy)
    request = pb.GetRankingsRequest(workspace=str(repository), strategy=strategy)
    answer = client.analytics.GetRankings(request, metadata=client.auth, timeout=PATIENCE)
    assert answer.strategy == number
    assert answer.files == 2
