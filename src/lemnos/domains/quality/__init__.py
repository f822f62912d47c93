"""Quality: checks that judge a changed tree."""
