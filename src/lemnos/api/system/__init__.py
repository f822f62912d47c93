"""What is at the root: health, readiness, metrics and the documentation. No credentials."""

from lemnos.api.system.routes import OPEN_PATHS, router

__all__ = ["OPEN_PATHS", "router"]
