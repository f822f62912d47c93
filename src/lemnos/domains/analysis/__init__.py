"""Repository analysis: measured files, chaos scores, and opportunities to improve."""
