"""Types of fields that requests of all documents share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# PostgreSQL's text, environment variables and arguments of programs cannot hold a NUL.
NO_NUL = r"^[^\x00]*$"
Text = Annotated[str, Field(pattern=NO_NUL)]
Url = Annotated[Text, Field(min_length=1, max_length=2048)]
Prompt = Annotated[Text, Field(min_length=1, max_length=102_400)]
Secret = Annotated[
    Text, Field(min_length=1, max_length=8192, json_schema_extra={"writeOnly": True})
]


class Request(BaseModel):
    """A request body: a field that is not known is an error, as it would be lost in silence."""

    model_config = ConfigDict(extra="forbid", strict=True)
