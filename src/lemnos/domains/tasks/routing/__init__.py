"""Routed tasks: orders, their way to an agent of the registry, and what comes of them."""
