"""The files by which a project declares itself: read with limits, parsed or found broken."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from lemnos.domains.quality.fingerprint import read_regular

_LARGEST = 4 * 1024 * 1024  # bytes


def read_toml(root: Path, name: str, broken: dict[str, str]) -> Mapping[str, Any]:
    """A TOML file in the root; empty where there is none, or it is told in ``broken``. Blocks."""
    return _read(root, name, broken, tomllib.loads)


def read_json(root: Path, name: str, broken: dict[str, str]) -> Mapping[str, Any]:
    """A JSON file in the root, likewise."""
    return _read(root, name, broken, json.loads)


def read_yaml(root: Path, name: str, broken: dict[str, str]) -> Mapping[str, Any]:
    """A YAML file in the root, likewise."""
    return _read(root, name, broken, yaml.safe_load)


def _read(
    root: Path, name: str, broken: dict[str, str], parse: Callable[[str], Any]
) -> Mapping[str, Any]:
    try:
        found = parse(read_regular(root / name, _LARGEST).decode())
    except FileNotFoundError:
        return {}
    except RecursionError:
        broken[name] = "it is nested too deep"
        return {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        broken[name] = " ".join(str(error).split())
        return {}
    if found is None:
        return {}
    if not isinstance(found, dict):
        broken[name] = f"it holds {type(found).__name__} where a table is expected"
        return {}
    return found
