"""The Hephaestus document: quality gates, cleanup, rankings."""

from lemnos.api.hephaestus import wire
from lemnos.api.hephaestus.errors import DIALECT
from lemnos.api.hephaestus.routes import ROUTERS
from lemnos.api.kit.document import Document

DOCUMENT = Document(DIALECT, ROUTERS, wire.ErrorDetail)

__all__ = ["DOCUMENT"]
