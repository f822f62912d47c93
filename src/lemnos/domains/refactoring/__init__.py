"""Refactorings: an opportunity carried out, checked, and kept or rolled back whole."""
