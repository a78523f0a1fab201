"""Continuous reconciliation: events and looks in, repairs out."""
