"""How much of bare Starlette's speed the whole stack keeps: alternating rounds, median of ratios.

``python benchmarks/api.py [--rounds N] [--seconds S] [--database URL]``. The whole stack is the
real server: authenticated, rate-limited, tenant-checked, metered and logged. Both answer the same
bytes under the same uvicorn.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
BARE = """
import json, os, sys, uvicorn
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
NEW_TASK = {
    "repo_url": "https://github.com/user/repo.git",
    "prompt": "Fix the failing tests in the auth module",
    "config": {"timeout_seconds": 600, "max_turns": 20, "target_branch": "develop"},
}


class Lemnos:
    """The real server in a process of its own; it takes no agent work, as an API node."""

    def __init__(self, folder: Path, database: str, extra: dict[str, str]) -> None:
        self.folder = folder
        env = {key: value for key, value in os.environ.items() if not key.startswith("LEMNOS_")}
        env |= {
            "LEMNOS_DATA": str(folder),
            "LEMNOS_PORT": "0",
            "LEMNOS_DATABASE_URL": database,
            "LEMNOS_RATE_LIMITS": "on",
            "LEMNOS_MAX_AGENTS": "0",
            **extra,
        }
        code = "import sys; from lemnos.settings import load; from lemnos.server import serve; " \
            "sys.exit(serve(load()))"
        self._log = (folder / "log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-c", code], env=env, stderr=self._log, cwd=folder
        )
        self.url = self._wait()
        self.key = (folder / "api.key").read_text().strip()

    def _wait(self) -> str:
        for _ in range(600):
            try:
                url = str(json.loads((self.folder / "server.json").read_text())["url"])
                urllib.request.urlopen(f"{url}/ready", timeout=1).close()
                return url
            except (OSError, ValueError):
                time.sleep(0.05)
        raise RuntimeError((self.folder / "log").read_text())

    def call(self, method: str, path: str, body: object = None) -> bytes:
        """One request; the answer's body."""
        request = urllib.request.Request(
            self.url + path,
            json.dumps(body).encode() if body is not None else None,
            {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request) as answer:
            return bytes(answer.read())

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()


def load(plan: dict[str, object]) -> float:
    """Requests a second, as the generator's own process counts them."""
    out = subprocess.check_output([sys.executable, str(HERE / "load.py"), json.dumps(plan)])
    told = json.loads(out)
    if told["bad"] > 0:
        raise RuntimeError(f"{told['bad']} answers had another status than {plan}")
    return float(told["rate"])


def alternate(
    name: str, ours: dict[str, object], bare: dict[str, object], rounds: int, least: float
) -> None:
    """Print the median ratio of the rounds."""
    ratios, rates = [], []
    for number in range(rounds):
        pair = (ours, bare) if number % 2 else (bare, ours)
        measured = {id(plan): load(plan) for plan in pair}
        ratios.append(measured[id(ours)] / measured[id(bare)])
        rates.append((measured[id(ours)], measured[id(bare)]))
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    last = rates[len(rates) // 2]
    print(
        f"{name:46} {statistics.median(ratios):5.2f}  ({spread}; wanted {least:.2f}; "
        f"e.g. {last[0]:.0f} against {last[1]:.0f} requests/s)"
    )


def main() -> None:
    """Run all."""
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=3)
    options.add_argument("--database", default="")
    options.add_argument("--log", default="on")
    args = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # The key's own rate must not be what is measured; the limiter works all the same.
        lemnos = Lemnos(folder, args.database, {"LEMNOS_LOG_REQUESTS": args.log,
            "LEMNOS_RATE_TIERS": '{"standard": [60000000, 60, 1000000]}'})
        created = lemnos.call("POST", "/api/v1/tasks", NEW_TASK)
        path = f"/api/v1/tasks/{json.loads(created)['id']}"
        shown = lemnos.call("GET", path)
        (folder / "get").write_bytes(shown)
        (folder / "post").write_bytes(created)
        port = 18_431
        bare = subprocess.Popen(
            [sys.executable, "-c", BARE, str(port), str(folder / "get"), str(folder / "post")]
        )
        time.sleep(1.5)
        headers = {"Authorization": f"Bearer {lemnos.key}", "Content-Type": "application/json"}
        common = {"headers": headers, "seconds": args.seconds, "connections": 16}
        try:
            for title, method, where, body, status, least, connections in (
                ("GET a task, whole stack", "GET", path, "", 200, 0.50, 16),
                ("POST a task, whole stack", "POST", "/api/v1/tasks", json.dumps(NEW_TASK), 201, 0.25, 64),
            ):
                plan = {**common, "method": method, "body": body, "status": status, "connections": connections}
                alternate(
                    title,
                    {**plan, "url": lemnos.url + where},
                    {**plan, "url": f"http://127.0.0.1:{port}{where}"},
                    args.rounds,
                    least,
                )
        finally:
            bare.kill()
            lemnos.stop()


if __name__ == "__main__":
    main()
