"""Parameters of paths and queries that several headings share."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query

from lemnos.api.kit.fields import NO_NUL
from lemnos.domains.analytics.model import MAX_DAYS, MAX_LIMIT

OperationId = Annotated[str, Path(max_length=64)]
Folder = Annotated[str, Query(max_length=4096, pattern=NO_NUL)]
TaskId = Annotated[str, Query(max_length=64, pattern=NO_NUL)]
Cursor = Annotated[str, Query(max_length=100, pattern=NO_NUL)]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Days = Annotated[int, Query(ge=1, le=MAX_DAYS)]
