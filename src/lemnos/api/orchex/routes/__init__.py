"""ORCHEX's operations: one file for each heading of the document."""

from fastapi import APIRouter

ROUTERS: tuple[APIRouter, ...] = ()
