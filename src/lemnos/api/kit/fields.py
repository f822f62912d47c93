"""Types of fields that requests of all documents share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

# PostgreSQL's text, environment variables and arguments of programs cannot hold a NUL.
NO_NUL = r"^[^\x00]*$"
Text = Annotated[str, Field(pattern=NO_NUL)]
