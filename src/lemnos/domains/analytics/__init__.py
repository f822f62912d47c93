"""Analytics: which files are worth refactoring first, by what was measured of them."""
