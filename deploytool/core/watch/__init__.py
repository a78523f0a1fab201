"""The decisions of a watcher: back-off, when to look again, which hosts are given up."""
