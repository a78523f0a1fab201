"""Intent and observed → plan. Pure: no I/O, and nothing that another plan could change."""
