"""One revision a file, ``v0001_….py``, ``v0002_….py``, …, each on top of the one before."""
