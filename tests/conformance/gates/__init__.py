"""What every implementation of the gates has to do, with tools that really run."""
