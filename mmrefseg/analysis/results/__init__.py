"""Results expression by expression: groups, near misses, tables."""
