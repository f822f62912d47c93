"""The published APIs: one folder for each document, over one core."""
