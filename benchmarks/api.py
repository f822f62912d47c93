"""How much of bare Starlette's speed the whole stack keeps, and what its database layer costs.

``python -m benchmarks.api [--rounds N]``. The whole stack is the real server: authenticated,
rate-limited, tenant-checked, metered and logged. Bare Starlette answers the same bytes under the
same uvicorn. On PostgreSQL the other side is the same server on asyncpg alone (raw_asyncpg.py).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from benchmarks.common import ROOT, Figure, Lemnos, alternate, main
from lemnos.platform.db.migrate import migrate
from tests.support.services import Postgres, free_port

HERE = Path(__file__).parent
SECONDS = 2.0
_BARE = """
import json, sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
GET, POST = (open(path, "rb").read() for path in sys.argv[2:4])
async def get(request):
    return Response(GET, media_type="application/json")
async def post(request):
    json.loads(await request.body())
    return Response(POST, 201, media_type="application/json")
app = Starlette(routes=[
    Route("/api/v1/tasks/{task_id}", get), Route("/api/v1/tasks", post, methods=["POST"]),
])
uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", log_level="error",
            access_log=False)
"""
_RAW = f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom benchmarks.raw_asyncpg import main\n"
_RAW += "sys.exit(main())"
NEW_TASK = {
    "repo_url": "https://github.com/user/repo.git",
    "prompt": "Fix the failing tests in the auth module",
    "config": {"timeout_seconds": 600, "max_turns": 20, "target_branch": "develop"},
}


@dataclass(frozen=True, slots=True)
class Side:
    """A server that can be asked for a task, or for a new one."""

    url: str
    task: str  # a path
    headers: dict[str, str]

    def get(self) -> float:
        """GETs a second."""
        return self._load(self.task, method="GET", status=200, connections=16)

    def post(self) -> float:
        """POSTs a second; more at once, as those that wait share a commit."""
        body = json.dumps(NEW_TASK)
        path = "/api/v1/tasks"
        return self._load(path, method="POST", body=body, status=201, connections=64)

    def _load(self, path: str, **plan: object) -> float:
        plan |= {"url": self.url + path, "headers": self.headers, "seconds": SECONDS}
        out = subprocess.check_output([sys.executable, str(HERE / "load.py"), json.dumps(plan)])
        told = json.loads(out)
        if told["bad"]:
            raise RuntimeError(f"{told['bad']} answers had another status than {plan}")
        return float(told["rate"])


def _side(lemnos: Lemnos) -> Side:
    task = lemnos.call("POST", "/api/v1/tasks", NEW_TASK)
    return Side(lemnos.url, f"/api/v1/tasks/{task['id']}", lemnos.headers)


def _node(folder: Path, **settings: str) -> Lemnos:
    """A server that takes no agent work, as an API node."""
    return Lemnos(folder, max_agents="0", **settings)


class Bare:
    """Starlette that answers what the server has answered."""

    def __init__(self, folder: Path, lemnos: Lemnos) -> None:
        created = lemnos.raw("POST", "/api/v1/tasks", NEW_TASK)
        task = f"/api/v1/tasks/{json.loads(created)['id']}"
        get, post = folder / "get", folder / "post"
        get.write_bytes(lemnos.raw("GET", task))
        post.write_bytes(created)
        port = free_port()
        command = [sys.executable, "-c", _BARE, str(port), str(get), str(post)]
        self._process = subprocess.Popen(command, start_new_session=True)
        self.side = Side(f"http://127.0.0.1:{port}", task, lemnos.headers)
        while not self._answers():
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            urlopen(self.side.url + self.side.task, timeout=5).close()
        except URLError:
            return False
        return True

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


def _figure(
    what: str, ours: Callable[[], float], bare: Callable[[], float], rounds: int, least: float
) -> Figure:
    found = alternate(ours, bare, rounds)
    return Figure(what, found.median, "at least", least, "", found.seen("requests/s"))


def _sqlite(folder: Path, rounds: int) -> Iterator[Figure]:
    with _node(folder / "full") as full, _node(folder / "lax", sqlite_synchronous="NORMAL") as lax:
        ours, normal = _side(full), _side(lax)
        bare = Bare(folder, full)
        try:
            against = "SQLite / bare Starlette"
            yield _figure(f"GET a task, {against}", ours.get, bare.side.get, rounds, 0.50)
            yield _figure(f"POST a task, {against}", ours.post, bare.side.post, rounds, 0.25)
            what = "POST a task, SQLite, synchronous=FULL / NORMAL"
            yield _figure(what, ours.post, normal.post, rounds, 0.85)
        finally:
            bare.stop()


def _postgresql(folder: Path, rounds: int) -> Iterator[Figure]:
    with Postgres(durable=True) as postgres:
        own, other = (postgres.create_database(migrate) for _ in range(2))
        with (
            _node(folder / "own", database_url=own) as lemnos,
            _node(folder / "raw", database_url=other, program=_RAW) as raw,
        ):
            ours, bare = _side(lemnos), _side(raw)
            against = "PostgreSQL / the same on raw asyncpg"
            yield _figure(f"GET a task, {against}", ours.get, bare.get, rounds, 0.80)
            yield _figure(f"POST a task, {against}", ours.post, bare.post, rounds, 0.80)


def measure(rounds: int) -> Iterator[Figure]:
    """Requests a second, against the other side's."""
    with tempfile.TemporaryDirectory() as name:
        yield from _sqlite(Path(name), rounds)
        yield from _postgresql(Path(name), rounds)


if __name__ == "__main__":
    main(__doc__, measure)
