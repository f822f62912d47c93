"""Long-running operations: work that a caller may wait for, watch, cancel, or come back to."""
