"""Which host runs which replica."""
