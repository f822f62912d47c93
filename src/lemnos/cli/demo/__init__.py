"""The demonstration: what Lemnos does, on a real repository, through the public API."""
