"""Two nodes on one PostgreSQL share the agents of a registry, and what these may carry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.team import Kind, Team, overlapping
from tests.support.model_endpoint import ModelEndpoint
from tests.support.server import LemnosServer
from tests.support.server_fixtures import MakeServer

pytestmark = [pytest.mark.e2e, pytest.mark.postgres]
MASTER_KEY = "bGVtbm9zLXRlc3RzLW1hc3Rlci1rZXktb2YtMzJieXQ="
PATIENCE = "2"  # seconds of silence after which a node is taken for dead
# Without a model it does what `run:` says.
MODELLESS = Kind("builtin")
SHORT = "run: echo ran >> ran.txt; sleep 0.3"
HOLDS = "run: echo ran >> ran.txt; while [ ! -e go ]; do sleep 0.1; done"


@dataclass
class Nodes:
    """The same team, seen by way of either node."""

    first: Team
    second: Team

    @property
    def both(self) -> tuple[Team, Team]:
        return self.first, self.second

    def at(self, task_id: str) -> Team | None:
        """The node on which a task's agent has begun, if it has."""
        begun = (team for team in self.both if (team.tree(task_id) / "ran.txt").exists())
        return next(begun, None)


@pytest.fixture
def nodes(migrated_dsn: str, make_server: MakeServer) -> Iterator[Nodes]:
    def made(name: str) -> LemnosServer:
        env = {
            "LEMNOS_NODE": name,
            "LEMNOS_NODE_PATIENCE": PATIENCE,
            "LEMNOS_MASTER_KEY": MASTER_KEY,
        }
        return make_server(name, database_url=migrated_dsn, env=env).start()

    with ModelEndpoint() as unused:
        first, second = (Team(made(name), unused) for name in ("one", "two"))
        second.tenant = first.tenant
        yield Nodes(first, second)


def _register(team: Team, agent_id: str, **constraints: Any) -> None:
    team.register(agent_id, MODELLESS, model="", constraints=constraints)


def test_an_agent_with_one_place_never_has_two_at_work(nodes: Nodes) -> None:
    _register(nodes.first, "smith", max_concurrent_tasks=1)

    ids = [team.submit(description=SHORT) for _ in range(4) for team in nodes.both]

    assert [nodes.first.ended(task_id)["status"] for task_id in ids] == ["completed"] * 8
    attempts = [one for task_id in ids for one in nodes.second.attempts(task_id)]
    assert len(attempts) == 8
    assert not overlapping(attempts)


def test_the_other_agent_is_taken_where_the_first_is_full(nodes: Nodes) -> None:
    for name in ("smith", "tinker"):
        _register(nodes.first, name, max_concurrent_tasks=1)
    ids = [team.submit(description=HOLDS) for team in nodes.both]

    nodes.first.until(lambda: all(map(nodes.at, ids)), "both have begun")
    assert {nodes.first.task(task_id)["agent_id"] for task_id in ids} == {"smith", "tinker"}

    for task_id in ids:
        at = nodes.at(task_id)
        assert at is not None
        (at.tree(task_id) / "go").touch()
    assert [nodes.second.ended(task_id)["status"] for task_id in ids] == ["completed"] * 2


def test_the_place_of_a_node_that_died_is_free_again(nodes: Nodes) -> None:
    _register(nodes.first, "smith", max_concurrent_tasks=1)
    held = nodes.first.submit(description=HOLDS)
    nodes.first.until(lambda: nodes.at(held) is not None, "it has begun")
    dead = nodes.at(held)
    alive = nodes.second if dead is nodes.first else nodes.first
    assert dead is not None
    waiting = alive.submit(description=SHORT)

    dead.server.kill9()
    alive.until((alive.tree(held) / "ran.txt").exists, "the other node has taken it over")
    (alive.tree(held) / "go").touch()

    assert [alive.ended(task_id)["status"] for task_id in (held, waiting)] == ["completed"] * 2
    attempts = [one for task_id in (held, waiting) for one in alive.attempts(task_id)]
    assert [one["interrupted"] for one in attempts] == [True, False, False]
    assert not overlapping(attempts)
    assert alive.breaker("smith")["failures"] == 0
