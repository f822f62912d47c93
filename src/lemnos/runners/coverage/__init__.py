"""Coverage files: what test runs have left in a tree, found and read."""
