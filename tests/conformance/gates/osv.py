"""A vulnerability database on loopback, with the query of https://google.github.io/osv.dev/api/."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KNOWN: Mapping[str, str] = {"jinja2": "2.4.1"}


@contextmanager
def database(status: int = 200) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The URL of a running one, and what it has been asked."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(query)
            name = query["package"]["name"]
            vulnerable = KNOWN.get(name) == query["version"]
            body = json.dumps({"vulns": [_advisory(name)]} if vulnerable else {}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _advisory(name: str) -> dict[str, Any]:
    return {
        "schema_version": "1.6.0",
        "id": "PYSEC-2014-8",
        "aliases": ["CVE-2014-1402"],
        "summary": "Does not check the owner of its cache.",
        "affected": [
            {
                "package": {"name": name, "ecosystem": "PyPI"},
                "ranges": [
                    {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.7.3"}]}
                ],
            }
        ],
    }
