"""The Jinja sandbox, its filters and lookups, and Compose's ``${VAR}``."""
