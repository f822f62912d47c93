"""Health, readiness, metrics, and the documentation of all APIs."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

import lemnos
from lemnos.api.kit.answers import answer
from lemnos.api.kit.describe import example
from lemnos.api.kit.operation import OPEN, CoreDep, needs, operations
from lemnos.kernel.errors import NotFound
from lemnos.platform.telemetry.metrics import CONTENT_TYPE

router = operations("System")
OPEN_PATHS = ("/", "/health", "/ready", "/metrics", "/api/docs")

_ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><title>Lemnos API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/api/docs/assets/favicon-32x32.png">
<link rel="stylesheet" href="/api/docs/assets/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/api/docs/assets/swagger-ui-bundle.js"></script>
<script src="/api/docs/assets/init.js"></script>
</body>
</html>
"""
_INIT = """window.ui = SwaggerUIBundle({
  url: "/api/docs/openapi.yaml", dom_id: "#swagger-ui", deepLinking: true,
  persistAuthorization: true, docExpansion: "list",
});
"""
_POLICY = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
_HEALTHY = {
    "status": "healthy",
    "version": "0.1.0",
    "uptime": 86400.5,
    "components": {"database": {"status": "ok", "detail": "sqlite", "latency_ms": 0.12}},
}
_HEALTH = example(_HEALTHY) | example({**_HEALTHY, "status": "unhealthy"}, 503)
_READY = example({"ready": True, "reason": None}) | example(
    {"ready": False, "reason": "starting"}, 503
)
_YAML: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/yaml": {"schema": {"type": "object"}}}}
}
_JSON = example({"openapi": "3.1.0", "info": {"title": "Lemnos", "version": "0.1.0"}})


@router.get("/health", responses=_HEALTH, summary="Health of every component", **needs(OPEN))
async def health(core: CoreDep) -> Response:
    """Every component as just probed; 503 when one is down that nothing works without."""
    components = await core.readiness.components()
    states = {component.status for component in components.values()}
    status = "unhealthy" if "down" in states else "degraded" if "degraded" in states else "healthy"
    content = {
        "status": status,
        "version": lemnos.__version__,
        "uptime": round(core.readiness.uptime, 3),
        "components": {
            name: {"status": one.status, "detail": one.detail, "latency_ms": one.latency_ms}
            for name, one in components.items()
        },
    }
    return answer(content, 503 if status == "unhealthy" else 200)


@router.get("/ready", responses=_READY, summary="Readiness", **needs(OPEN))
async def ready(core: CoreDep) -> Response:
    """200 while the server takes work; 503 while it starts, drains, or has no database."""
    is_ready, reason = await core.readiness.ready()
    return answer({"ready": is_ready, "reason": reason or None}, 200 if is_ready else 503)


@router.get(
    "/metrics", response_class=PlainTextResponse, summary="Prometheus metrics", **needs(OPEN)
)
async def metrics(core: CoreDep) -> Response:
    """Metrics of this process in Prometheus' text format."""
    return Response(core.metrics.exposition(), media_type=CONTENT_TYPE)


@router.get("/", include_in_schema=False, **needs(OPEN))
async def root() -> Response:
    """To the documentation."""
    return RedirectResponse("/api/docs")


@router.get(
    "/api/docs", response_class=HTMLResponse, summary="Documentation for people", **needs(OPEN)
)
async def docs() -> Response:
    """Swagger UI, served from a package: it works without the internet."""
    return HTMLResponse(_PAGE, headers=_POLICY)


@router.get(
    "/api/docs/openapi.yaml",
    response_class=Response,
    responses=_YAML,
    summary="OpenAPI as YAML",
    **needs(OPEN),
)
async def openapi_yaml(request: Request) -> Response:
    """The OpenAPI description of every operation."""
    return Response(_as_yaml(request.app), media_type="application/yaml")


@router.get("/api/docs/openapi.json", responses=_JSON, summary="OpenAPI as JSON", **needs(OPEN))
async def openapi_json(request: Request) -> Response:
    """The same as JSON."""
    return answer(request.app.openapi())


@router.get("/api/docs/assets/{name}", include_in_schema=False, **needs(OPEN))
async def asset(name: str) -> Response:
    """A file of Swagger UI."""
    if name == "init.js":
        return Response(_INIT, media_type="text/javascript")
    if name not in _ASSETS:
        raise NotFound(f"There is no asset {name}.")
    return Response(
        _read_asset(name), media_type=_ASSETS[name], headers={"Cache-Control": "max-age=86400"}
    )


@lru_cache(maxsize=len(_ASSETS))
def _read_asset(name: str) -> bytes:
    return (files("swagger_ui") / "static" / name).read_bytes()


@lru_cache(maxsize=1)
def _as_yaml(app: Any) -> bytes:
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return yaml.dump(app.openapi(), Dumper=dumper, sort_keys=False, encoding="utf-8")
