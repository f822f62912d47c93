"""Sums of a history, and what hotspots make of them."""

from __future__ import annotations

import pytest

from lemnos.domains.analytics.changes import MOST_TOGETHER, Changes
from lemnos.domains.analytics.hotspots import hotspots, owners
from lemnos.domains.analytics.model import Measured
from lemnos.domains.analytics.ports import Author, FileChange

ANN, BOB = Author("ann@x", "Ann"), Author("bob@x", "Bob")


def changes_of(*commits) -> Changes:
    """Commits as (author, time, files), the newest first."""
    changes = Changes()
    for author, at, files in commits:
        changes.add(author, at, files)
    return changes


def test_a_renamed_file_keeps_its_history():
    changes = changes_of(
        (ANN, 4, [FileChange("new.py", 1, 1)]),
        (BOB, 3, [FileChange("new.py", 2, 0, "mid.py")]),
        (ANN, 2, [FileChange("mid.py", 0, 0, "old.py"), FileChange("other.py", 1, 0)]),
        (ANN, 1, [FileChange("old.py", 10, 0)]),
    )
    history = changes.files["new.py"]
    assert (history.churn, history.revisions) == (14, 4)
    assert history.authors[ANN].added == 11
    assert history.authors[BOB].last_at == 3
    assert set(changes.files) == {"new.py", "other.py"}


def test_a_new_file_under_the_name_of_a_renamed_one_is_another():
    changes = changes_of(
        (ANN, 3, [FileChange("a.py", 5, 0)]),
        (ANN, 2, [FileChange("b.py", 0, 0, "a.py")]),
        (ANN, 1, [FileChange("a.py", 100, 0)]),
    )
    assert changes.files["a.py"].churn == 5
    assert changes.files["b.py"].churn == 100


def test_a_rename_and_back_ends():
    changes = changes_of(
        (ANN, 3, [FileChange("a", 0, 0, "b")]),
        (ANN, 2, [FileChange("b", 0, 0, "a")]),
        (ANN, 1, [FileChange("a", 7, 0)]),
    )
    assert changes.files["a"].churn == 7
    assert changes.files["a"].revisions == 3


def test_the_hottest_is_often_changed_and_complicated():
    commits = [(ANN, 9, [FileChange("hot", 1, 0)])] * 10 + [(ANN, 9, [FileChange("warm", 1, 0)])]
    files = [
        Measured("hot", revisions=10, complexity=10),
        Measured("warm", revisions=1, complexity=20),
        Measured("still", revisions=0, complexity=50),
        Measured("broken", revisions=5),
    ]
    found = hotspots(files, changes_of(*commits), 10, among={"hot", "warm"})
    assert [(each.measured.path, each.score) for each in found] == [("hot", 0.5), ("warm", 0.1)]


def test_ownership_is_of_added_lines():
    changes = changes_of(
        (ANN, 2, [FileChange("a", 30, 500)]),
        (BOB, 1, [FileChange("a", 10, 0)]),
    )
    ann, bob = owners(changes.files["a"])
    assert (ann.name, ann.share, ann.commits, ann.last_at) == ("Ann", 0.75, 1, 2)
    assert (bob.name, bob.share) == ("Bob", 0.25)
    (found,) = hotspots([Measured("a", revisions=2, complexity=1)], changes, 5, among={"a"})
    assert found.fragmentation == pytest.approx(1 - 0.75**2 - 0.25**2)
    assert found.authors == 2


def test_where_nobody_added_a_line_commits_count():
    changes = changes_of((ANN, 2, [FileChange("a", 0, 5)]), (BOB, 1, [FileChange("a", 0, 0)]))
    assert [owner.share for owner in owners(changes.files["a"])] == [0.5, 0.5]


def test_coupling_is_shared_commits_over_their_mean():
    both = (ANN, 1, [FileChange("a", 1, 0), FileChange("b", 1, 0)])
    alone = (ANN, 1, [FileChange("a", 1, 0)])
    gone = (ANN, 1, [FileChange("a", 1, 0), FileChange("gone", 1, 0)])
    changes = changes_of(*[both] * 3, *[alone] * 2, *[gone] * 4)
    files = [Measured("a", revisions=9, complexity=1)]
    (found,) = hotspots(files, changes, 5, among={"a", "b"})
    (coupled,) = found.coupling
    assert (coupled.path, coupled.shared) == ("b", 3)
    assert coupled.degree == pytest.approx(3 / ((9 + 3) / 2))


def test_commits_of_many_files_and_few_meetings_couple_nothing():
    many = [FileChange(f"f{number}", 1, 0) for number in range(MOST_TOGETHER + 1)]
    twice = [FileChange("f0", 1, 0), FileChange("f1", 1, 0)]
    changes = changes_of(*[(ANN, 1, many)] * 10, *[(ANN, 1, twice)] * 2)
    files = [Measured("f0", revisions=12, complexity=1)]
    (found,) = hotspots(files, changes, 5, among={each.path for each in many})
    assert found.coupling == ()
    assert changes.files["f0"].revisions == 12
