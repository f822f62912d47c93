"""The `lemnos` commands."""
