"""The published APIs, one folder per document; each turns its dialect into use cases and back."""
