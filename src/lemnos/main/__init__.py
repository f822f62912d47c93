"""The composition root: settings, platform, domains, runners, adapters, and the APIs over them."""

from lemnos.main.build import Server, build
from lemnos.main.runners import make_runtimes

__all__ = ["Server", "build", "make_runtimes"]
