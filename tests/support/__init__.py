"""Real-protocol stand-ins on loopback, for the tests, trials of real CLIs and benchmarks."""
