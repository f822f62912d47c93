"""Refactorings through the whole server: analysed, carried out, checked, kept or rolled back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.team import REAL_KEY, Kind, Team
from tests.support.fixtures import TOKEN
from tests.support.forge import Forge
from tests.support.git_repos import commit, git
from tests.support.model_endpoint import ModelEndpoint
from tests.support.model_script import Say
from tests.support.packages import files_of, sdist
from tests.support.server import LemnosServer
from tests.support.server_fixtures import MakeServer

pytestmark = pytest.mark.e2e

AGENT = Kind("anthropic", tool="run", argument="command")  # in the runtime `builtin`
ENDED = ("completed", "failed", "cancelled", "rolled_back")
PATIENCE = 300.0  # seconds: the checks run the package's own tests a dozen times
REPOSITORY = "acme/shop"
ORDERS = '''\
"""Orders of a shop."""


class Order:
    """What somebody bought."""

    def __init__(self, price: int, count: int) -> None:
        self.price = price
        self.count = count
        self.rebate = 0
        self.note = ""


class Report:
    """What is told about orders."""

    def line(self, order: Order) -> str:
        """One line for an order."""
        total = order.price * order.count - order.rebate
        if order.note:
            return f"{total} ({order.note})"
        return str(total)


def level(total: int, regular: bool, late: bool, country: str) -> str:
    """How an order is treated."""
    if total <= 0:
        return "none"
    if late:
        if regular:
            return "remind"
        if total > 100:
            return "collect"
        return "warn"
    if country == "CH" and total > 50:
        return "export"
    if country == "NO":
        return "export"
    if regular and total > 1000:
        return "gold"
    if regular or total > 5000:
        return "silver"
    return "plain"
'''
TESTS = """\
import pytest
from orders import Order, Report, level


def test_line():
    assert Report().line(Order(3, 2)) == "6"


@pytest.mark.parametrize("total", range(0, 6000, 500))
@pytest.mark.parametrize("regular", [True, False])
def test_level(total, regular):
    assert level(total, regular, False, "DE") in ("none", "gold", "silver", "plain")
    assert level(total, regular, True, "DE") in ("none", "remind", "warn", "collect")
"""
FILES = {"orders.py": ORDERS, "test_orders.py": TESTS}


class Client:
    """ORCHEX as the tests speak it."""

    def __init__(self, server: LemnosServer, call: Callable[..., Any]) -> None:
        self.server = server
        self.call = call

    def opportunities(self, repository: str, **options: Any) -> list[dict[str, Any]]:
        """What a full analysis finds."""
        body = {"repository_path": repository, "options": {"max_opportunities": 200} | options}
        if repository.startswith("http"):
            body = {"repository_url": repository, "provider_key": "forge"} | body
            del body["repository_path"]
        analysis = self.call("POST", "/v1/analyze", body)["analysis_id"]
        path = f"/v1/analyze/{analysis}"
        self.server.until(
            lambda: self.call("GET", path)["status"] in ("completed", "failed"),
            PATIENCE,
            "analysed",
        )
        found = self.call("GET", path)
        assert found["status"] == "completed", found
        return list(found["opportunities"])

    def refactor(self, opportunity: Mapping[str, Any], **more: Any) -> str:
        """Start a refactoring; its id."""
        body = {"opportunity_id": opportunity["opportunity_id"], **more}
        return str(self.call("POST", "/v1/refactor", body)["refactoring_id"])

    def get(self, refactoring: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GET", f"/v1/refactor/{refactoring}")
        return found

    def reached(self, refactoring: str, *stages: str) -> dict[str, Any]:
        """Wait for one of the stages, or for its end."""

        def there() -> bool:
            found = self.get(refactoring)
            return found["stage"] in stages or found["status"] in ENDED

        self.server.until(there, PATIENCE, f"{refactoring} {stages}")
        return self.get(refactoring)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A small repository on the disk."""
    folder = tmp_path / "shop"
    folder.mkdir()
    git("init", "--quiet", "--initial-branch=main", folder)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    git("add", "--all", cwd=folder)
    git("commit", "--quiet", "--message", "Start", cwd=folder)
    return folder


@pytest.fixture
def client(make_server: MakeServer, tmp_path: Path) -> Client:
    server = make_server(allowed_roots=[tmp_path]).start()

    def call(method: str, path: str, body: object = None) -> Any:
        answer = server.client.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    return Client(server, call)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Forge]:
    with Forge(tmp_path / "forge", TOKEN, github=False) as running:
        yield running


def _of(found: list[dict[str, Any]], kind: str, path: str = "") -> dict[str, Any]:
    return next(
        each for each in found if each["type"] == kind and (not path or each["file_path"] == path)
    )


@pytest.mark.timeout(900)  # the package's own tests run a dozen times
def test_a_real_package_is_simpler_afterwards_and_its_tests_pass(
    make_server: MakeServer, host: Forge
) -> None:
    source = sdist("sqlparse==0.5.3")
    files = {path.relative_to(source).as_posix(): path.read_bytes() for path in files_of(source)}
    bare = host.create(REPOSITORY, files)
    forges = json.dumps({f"127.0.0.1:{host.port}": "gitea"})
    server = make_server(allowed_hosts=["127.0.0.1"], env={"LEMNOS_FORGES": forges}).start()
    key = {"name": "forge", "provider": "gitea", "token": TOKEN}
    assert server.client.post("/api/v1/keys", json=key).status_code == 201

    def call(method: str, path: str, body: object = None) -> Any:
        answer = server.client.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    client = Client(server, call)
    path = "sqlparse/engine/statement_splitter.py"
    found = client.opportunities(host.repository_url(REPOSITORY), include_patterns=["sqlparse/**"])
    opportunity = next(  # the file's worst function, which its score goes by
        each
        for each in found
        if each["file_path"] == path
        and str(each["location"]["symbol"]).endswith("_change_splitlevel")
        and each["type"] in ("extract_function", "reduce_complexity")
    )

    asked = {"title": "Split the splitter", "branch": "refactor/splitter"}
    refactoring = client.refactor(opportunity, create_pr=True, pr_options=asked)
    done = client.reached(refactoring)

    assert done["status"] == "completed", done
    assert done["method"] == "builtin"
    checks = {each["check"]: each for each in done["safety_report"]["checks"]}
    assert len(checks) == 5
    assert checks["test_execution"]["passed"] is True
    assert "462 passed, 0 failed. After: 462 passed, 0 failed" in checks["test_execution"]["detail"]
    assert checks["syntax_validation"]["passed"] is True
    assert checks["breaking_changes"]["passed"] is True
    assert all(each["passed"] is not False for each in checks.values())
    effect = done["effect"]
    assert effect["score_after"] < effect["score_before"]
    assert effect["complexity_after"] < effect["complexity_before"]
    (pull,) = host.pulls(REPOSITORY)
    assert (pull.title, pull.head) == ("Split the splitter", "refactor/splitter")
    assert "test_execution | passed" in (pull.body or "")
    assert done["pull_request"]["number"] == pull.number
    changed = git("diff", "--name-only", "main", "refactor/splitter", cwd=bare)
    assert changed.split() == [path]


def test_a_dry_run_keeps_the_diff_only(client: Client, shop: Path) -> None:
    opportunity = _of(client.opportunities(str(shop)), "reduce_complexity", "orders.py")

    done = client.reached(client.refactor(opportunity, dry_run=True))

    assert done["status"] == "completed", done
    assert "+def _level_" in done["diff"]
    assert done["changes"]["files_modified"] == 1
    task = client.call("GET", f"/v1/tasks/{done['task_id']}")
    assert not (client.server.data / "workspaces" / task["task_id"]).exists()
    assert git("status", "--porcelain", cwd=shop) == ""
    proposed = client.server.client.post(f"/api/v1/tasks/{done['task_id']}/create-pr", json={})
    assert proposed.status_code == 409


def test_a_file_that_changed_since_is_a_conflict(client: Client, shop: Path) -> None:
    opportunity = _of(client.opportunities(str(shop)), "reduce_complexity", "orders.py")
    (shop / "orders.py").write_text(ORDERS + "\n\nMORE = 1\n")
    git("commit", "--all", "--quiet", "--message", "More", cwd=shop)

    body = {"opportunity_id": opportunity["opportunity_id"]}
    refused = client.server.client.post("/v1/refactor", json=body)

    assert refused.status_code == 409
    assert "orders.py has changed since it was analysed" in refused.text


def test_a_dry_run_cannot_be_proposed(client: Client, shop: Path) -> None:
    opportunity = _of(client.opportunities(str(shop)), "reduce_complexity", "orders.py")

    body = {"opportunity_id": opportunity["opportunity_id"], "dry_run": True, "create_pr": True}
    assert client.server.client.post("/v1/refactor", json=body).status_code == 400


def test_what_no_tool_can_do_fails_clearly_without_an_agent(client: Client, shop: Path) -> None:
    opportunity = _of(client.opportunities(str(shop)), "move_method")

    done = client.reached(client.refactor(opportunity))

    assert done["status"] == "failed"
    assert "move_method does not apply to orders.py" in str(done["error"])
    assert "agent" in str(done["error"])


def test_a_change_that_breaks_tests_is_rolled_back_whole(
    make_server: MakeServer, model_endpoint: ModelEndpoint, host: Forge
) -> None:
    bare = host.create(REPOSITORY, FILES)
    env = {
        "LEMNOS_FORGES": json.dumps({f"127.0.0.1:{host.port}": "gitea"}),
        "LEMNOS_ANTHROPIC_BASE_URL": model_endpoint.url,
        "LEMNOS_ANTHROPIC_API_KEY": REAL_KEY,
    }
    server = make_server(allowed_hosts=["127.0.0.1"], env=env).start()
    team = Team(server, model_endpoint)
    key = {"name": "forge", "provider": "gitea", "token": TOKEN}
    assert team.ask("POST", "/api/v1/keys", key).status_code == 201
    team.register("breaker", AGENT, config={"runtime": "builtin"}, capabilities=["refactoring"])
    team.play(breaker=(AGENT.shell("sed -i 's/order.price/order.PRICE/' orders.py"), Say("Done.")))
    client = Client(server, team.call)
    found = client.opportunities(host.repository_url(REPOSITORY))

    done = client.reached(client.refactor(_of(found, "move_method"), create_pr=True))

    assert done["status"] == "rolled_back", done["error"]
    assert done["method"] == "breaker"
    assert done["safety_report"]["overall_safety"] == "unsafe"
    failed = {each["check"] for each in done["safety_report"]["checks"] if each["passed"] is False}
    assert "test_execution" in failed
    assert done["changes"]["files_modified"] == 0
    assert done["pull_request"] is None
    assert host.pulls(REPOSITORY) == []
    assert git("branch", "--format=%(refname:short)", cwd=bare) == "main"
    proposed = team.ask("POST", f"/api/v1/tasks/{done['task_id']}/create-pr", {})
    assert proposed.status_code == 409


@pytest.mark.parametrize("stage", ["queued", "running", "checking"])
def test_a_killed_server_goes_on_where_it_was(client: Client, shop: Path, stage: str) -> None:
    opportunity = _of(client.opportunities(str(shop)), "reduce_complexity", "orders.py")
    refactoring = client.refactor(opportunity)
    client.reached(refactoring, stage)

    client.server.kill9()
    client.server.start()

    done = client.reached(refactoring)
    assert done["status"] == "completed", done
    assert "+def _level_" in done["diff"]
    assert list((client.server.data / "workspaces").glob("check-*")) == []


def test_a_cancelled_refactoring_leaves_nothing(client: Client, shop: Path) -> None:
    opportunity = _of(client.opportunities(str(shop)), "reduce_complexity", "orders.py")
    refactoring = client.refactor(opportunity)
    client.reached(refactoring, "checking")

    client.call("DELETE", f"/v1/refactor/{refactoring}")

    done = client.reached(refactoring)
    assert done["status"] == "cancelled"
    folders = client.server.data / "workspaces"
    client.server.until(lambda: not list(folders.iterdir()), PATIENCE, "nothing is left")


def test_two_refactorings_of_one_file_each_have_their_branch(
    make_server: MakeServer, host: Forge
) -> None:
    other = ORDERS[ORDERS.index("def level") :].replace("level", "rank").replace("NO", "DK")
    bare = host.create(REPOSITORY, {**FILES, "orders.py": f"{ORDERS}\n\n{other}"})
    env = {"LEMNOS_FORGES": json.dumps({f"127.0.0.1:{host.port}": "gitea"})}
    server = make_server(allowed_hosts=["127.0.0.1"], env=env).start()
    key = {"name": "forge", "provider": "gitea", "token": TOKEN}
    assert server.client.post("/api/v1/keys", json=key).status_code == 201

    def call(method: str, path: str, body: object = None) -> Any:
        answer = server.client.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    client = Client(server, call)
    found = client.opportunities(host.repository_url(REPOSITORY))
    two = [each for each in found if each["type"] == "reduce_complexity"]
    asked = {"branch": "refactor/level"}
    both = [client.refactor(each, create_pr=True, pr_options=asked) for each in two]

    done = [client.reached(each) for each in both]

    assert [each["status"] for each in done] == ["completed", "completed"], done
    branches = {each["pull_request"]["branch"] for each in done}
    assert branches == {"refactor/level", "refactor/level-2"}
    assert len(host.pulls(REPOSITORY)) == 2
    commit(bare, {"README.md": "still whole\n"})
