"""Checkers for JavaScript and TypeScript: the project's own tools, as it declares them."""
