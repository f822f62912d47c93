"""GitHub's published OpenAPI description, out of the npm package `@octokit/openapi`.

The file has 13 MB: it is read once, and only the operations that were asked for are kept, together
with the components that they refer to.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from openapi_schema_validator import OAS30Validator

from tests.support.npm import require

DESCRIPTION = "@octokit/openapi/generated/api.github.com.json"
OPERATIONS = (
    ("get", "/repos/{owner}/{repo}"),
    ("get", "/repos/{owner}/{repo}/pulls"),
    ("post", "/repos/{owner}/{repo}/pulls"),
    ("get", "/repos/{owner}/{repo}/pulls/{pull_number}"),
)


class GitHubDescription:
    """Validates bodies of single operations, and holds the description's own examples."""

    def __init__(self, path: Path, operations: Iterable[tuple[str, str]] = OPERATIONS) -> None:
        whole = json.loads(path.read_bytes())
        self._operations = {(m, p): whole["paths"][p][m] for m, p in operations}
        self._components = _reachable(whole, list(self._operations.values()))

    def request_errors(self, method: str, path: str, body: Any) -> list[str]:
        """What is wrong with a request body; empty when nothing is."""
        content = self._operations[method, path]["requestBody"]["content"]
        return self._errors(content["application/json"]["schema"], body)

    def response_errors(self, method: str, path: str, status: int, body: Any) -> list[str]:
        """What is wrong with a response; a status that the description lacks is an error."""
        responses = self._operations[method, path]["responses"]
        if str(status) not in responses:
            return [f"{method} {path} is not described with status {status}"]
        response = self._resolve(responses[str(status)])
        return self._errors(response["content"]["application/json"]["schema"], body)

    def example(self, method: str, path: str, status: int) -> Any:
        """A copy of the description's first example of a response."""
        response = self._resolve(self._operations[method, path]["responses"][str(status)])
        examples = response["content"]["application/json"]["examples"]
        first = self._resolve(next(iter(examples.values())))
        return json.loads(json.dumps(first["value"]))

    def _errors(self, schema: dict[str, Any], body: Any) -> list[str]:
        root = {"allOf": [schema], "components": self._components}
        found = OAS30Validator(root).iter_errors(body)
        return [f"{error.json_path}: {error.message}"[:500] for error in found]

    def _resolve(self, node: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in node:
            return node
        kind, name = node["$ref"].split("/")[-2:]
        resolved: dict[str, Any] = self._components[kind][name]
        return resolved


def _reachable(whole: dict[str, Any], roots: list[Any]) -> dict[str, dict[str, Any]]:
    """The components that the roots refer to, directly or through others."""
    kept: dict[str, dict[str, Any]] = {}
    waiting = list(roots)
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            reference = node.get("$ref")
            if isinstance(reference, str):
                kind, name = reference.split("/")[-2:]
                if name not in kept.setdefault(kind, {}):
                    kept[kind][name] = whole["components"][kind][name]
                    waiting.append(kept[kind][name])
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return kept


@cache
def github_description() -> GitHubDescription:
    """The description; skips the test, and says so, when the package is not installed."""
    return GitHubDescription(require(DESCRIPTION))
