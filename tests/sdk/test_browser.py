"""The TypeScript SDK in a real browser, loaded as a module from the origin that it asks."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tarfile
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from tests.sdk.scripted import CONNECTED, DONE, cut_stream, frame, orchex, refusal, stream
from tests.support.loopback import LoopbackServer, Reply, Request

PAGE = b"""<!doctype html><body><script type="module">
import { ORCHEX, webhooks } from '/esm/index.js';
const client = new ORCHEX({ apiKey: 'key', baseUrl: location.origin });
let report;
try {
  const events = [];
  for await (const { type, id } of client.tasks.events('task_1')) events.push(type + id);
  const { code } = await client.tasks.submit({ type: 'testing', description: 'x' });
  const isSigned = await webhooks.isSigned('x', 'sha256=' + '0'.repeat(64), 'secret');
  report = { events, code, isSigned };
} catch (error) {
  report = `${error}`;
}
await fetch('/report', { method: 'POST', body: JSON.stringify(report) });
</script></body>"""
COMPLETED = {"task_id": "task_1", "status": "completed", "result": {"code": "x = 1"}}


class Origin(LoopbackServer):
    """Serves the page, the SDK, and an API that fails at first."""

    def __init__(self, package: Path) -> None:
        super().__init__()
        self._dist = package / "dist"
        self.keys: list[str] = []
        self.reports: Queue[Any] = Queue()
        self.streams = 0

    def answer(self, request: Request) -> Reply:
        if request.path == "/":
            return Reply(200, PAGE, {"Content-Type": "text/html"})
        if request.path.startswith("/esm/"):
            script = (self._dist / request.path.removeprefix("/")).read_bytes()
            return Reply(200, script, {"Content-Type": "text/javascript"})
        if request.path == "/report":
            self.reports.put(request.json())
            return Reply()
        if request.path.endswith("/events"):
            self.streams += 1
            if self.streams == 1:
                return cut_stream(CONNECTED, frame(1))
            # What was not read yet when the connection is cut, a browser forgets.
            had = int(request.headers.get("last-event-id", 0))
            return stream(CONNECTED, *(frame(number) for number in range(had + 1, 3)), DONE)
        if request.method == "POST":
            self.keys.append(request.headers["idempotency-key"])
            submitted = orchex({"task_id": "task_1", "status": "queued"}, 202)
            return submitted if len(self.keys) > 1 else refusal(503, "SERVICE_UNAVAILABLE")
        return orchex(COMPLETED)


def test_streams_retries_and_signatures_in_chromium(artifacts: Path, tmp_path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("NOT TESTED: there is no chromium on this system")
    (tarball,) = artifacts.glob("lemnos-sdk-*.tgz")
    with tarfile.open(tarball) as archive:
        archive.extractall(tmp_path, filter="data")
    with Origin(tmp_path / "package") as origin:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
        command = [chromium, *options, f"--user-data-dir={tmp_path / 'profile'}", origin.url]
        with (tmp_path / "chromium.log").open("wb") as log:
            browser = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            report = origin.reports.get(timeout=60)
        finally:
            os.killpg(browser.pid, signal.SIGKILL)
            browser.wait()
    events = ["connected", "stream1", "stream2", "done"]
    assert report == {"events": events, "code": "x = 1", "isSigned": False}
    assert origin.streams > 1
    assert len(origin.keys) == 2
    assert len(set(origin.keys)) == 1
