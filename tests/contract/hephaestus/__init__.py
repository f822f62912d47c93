"""The Hephaestus document, replayed against a running server."""
