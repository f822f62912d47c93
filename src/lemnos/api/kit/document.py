"""A published API reference as the application serves it."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter
from pydantic import BaseModel

from lemnos.api.kit.dialect import Dialect


@dataclass(frozen=True, slots=True)
class Document:
    """One reference: how it says that something went wrong, and its operations.

    ``failure`` is the shape of its errors, ``bodies`` those of direct operations' requests: the
    framework cannot see either.
    """

    dialect: Dialect
    routers: tuple[APIRouter, ...]
    failure: type[BaseModel]
    bodies: tuple[type[BaseModel], ...] = ()
