"""What every layer may use: ids, clock, context, pages, error kinds. Standard library only."""
