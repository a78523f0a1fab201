"""The pages of a run over HTTP. Read-only."""
