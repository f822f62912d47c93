"""The ORCHEX document: agents that are routed, tasks for them, analyses and refactorings."""

from lemnos.api.kit.document import Document
from lemnos.api.orchex.errors import DIALECT
from lemnos.api.orchex.routes import ROUTERS
from lemnos.api.orchex.wire.common import Failure
from lemnos.api.orchex.wire.tasks import SubmitTask

DOCUMENT = Document(DIALECT, ROUTERS, Failure, (SubmitTask,))
OPEN_PATHS = ("/v1/health",)  # for load balancers, which have no credential

__all__ = ["DOCUMENT", "OPEN_PATHS"]
