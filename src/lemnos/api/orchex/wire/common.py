"""What all headings share: the envelope, errors, and small fields."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from lemnos.api.kit.fields import Text
from lemnos.domains.agents.model import Strategy
from lemnos.domains.tasks.model import Priority, TaskType

T = TypeVar("T")

AgentId = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$", min_length=1, max_length=100)
]
Provider = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=64)]
KeyName = Annotated[Text, Field(max_length=100)]
Money = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
# Words are checked by the enumerations of the domain, so that there is one list of each.
Type = Annotated[TaskType, Field(strict=False)]
Capability = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
Urgency = Annotated[Priority, Field(strict=False)]
Balancing = Annotated[Strategy, Field(strict=False)]


class Loose(BaseModel):
    """A map that may hold more than is known; what is known must have its type."""

    model_config = ConfigDict(extra="allow", strict=True)


class Meta(BaseModel):
    """About the answer."""

    request_id: str
    timestamp: str
    version: Literal["v1"]


class Success(BaseModel, Generic[T]):
    """What was asked for."""

    success: Literal[True]
    data: T
    meta: Meta


class Problem(BaseModel):
    """What went wrong. Details of a validation: the first ``field`` and its ``issue``, and all."""

    code: str
    message: str
    details: dict[str, Any] | None = None


class Failed(BaseModel):
    """Why a piece of work has failed: a class of errors, and the same in words."""

    code: str
    message: str


class FailureMeta(BaseModel):
    """About the failure."""

    request_id: str
    timestamp: str


class Failure(BaseModel):
    """What every operation under /v1 answers when it does not succeed."""

    success: Literal[False]
    error: Problem
    meta: FailureMeta
