"""The CodeForge document: coding tasks on repositories."""

from lemnos.api.codeforge import wire
from lemnos.api.codeforge.errors import DIALECT
from lemnos.api.codeforge.routes import ROUTERS

__all__ = ["DIALECT", "ROUTERS", "wire"]
