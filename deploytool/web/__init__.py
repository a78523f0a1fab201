"""A watcher over HTTP: the server, its routes, the page. Read-only."""
