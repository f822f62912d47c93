"""Removing rubbish from folders, whatever is in them and whoever else is at work there."""
