"""schemathesis over the whole OpenAPI description, against a real server: what it describes holds.

The number of examples is small, so that it runs with every `make test`; raise it by
`LEMNOS_FUZZ_EXAMPLES` for a night.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import checks

from lemnos.api.app import make_app
from tests.support.server import LemnosServer

pytestmark = pytest.mark.e2e

schema = schemathesis.openapi.from_dict(make_app(None).openapi())
_EXAMPLES = int(os.environ.get("LEMNOS_FUZZ_EXAMPLES", "15"))


def no_failure_inside(_ctx: Any, response: Any, _case: Any) -> None:
    """500 is never right; 503 is where an example names a host that is not to be reached here."""
    assert response.status_code < 500 or response.status_code in (503, 504), response.text


_KEPT = (
    no_failure_inside,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LemnosServer]:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    with LemnosServer(folder, env={"LEMNOS_DRAIN": "0"}) as server:
        yield server


@schema.parametrize()
@settings(
    max_examples=_EXAMPLES,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_operation_keeps_its_description(case: Any, fuzzed: LemnosServer):
    headers = {"Authorization": f"Bearer {fuzzed.key}"}
    response = case.call(base_url=fuzzed.url, headers=headers, timeout=60)
    case.validate_response(response, checks=_KEPT)
