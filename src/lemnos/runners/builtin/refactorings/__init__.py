"""Refactorings that an analysis asked for, each at its place, by deterministic tools.

An operation is a JSON object: ``type`` (one of the analysis's opportunity types), ``path``,
``blob`` (git's id of the content that was analysed), ``start`` and ``end`` (lines, both included),
``symbol`` and ``data`` (what the analysis knows beside that). One that cannot be carried out for
certain says why and changes nothing.
"""
