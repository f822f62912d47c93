"""The CodeForge document: coding tasks on repositories."""

from lemnos.api.codeforge import wire
from lemnos.api.codeforge.errors import DIALECT
from lemnos.api.codeforge.routes import ROUTERS
from lemnos.api.kit.document import Document

DOCUMENT = Document(DIALECT, ROUTERS, wire.Error, (wire.CreateTask,))

__all__ = ["DOCUMENT"]
