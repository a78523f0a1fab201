"""Envoy's configuration. A host merges the parts of all its projects by joining lines: see ``parts``."""
