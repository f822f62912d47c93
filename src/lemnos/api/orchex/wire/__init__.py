"""Requests and answers as the document has them, a module for each of its headings.

Strings that hold times are RFC 3339 in UTC. What the document lacks is marked as ours in
``docs/orchex.md``.
"""
