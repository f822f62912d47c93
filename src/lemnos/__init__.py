"""Lemnos carries a software change from prompt to production."""

__version__ = "0.1.0"
