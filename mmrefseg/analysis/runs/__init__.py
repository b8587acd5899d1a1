"""Training runs: their histories, curves, and comparison."""
