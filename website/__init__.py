"""The documentation as a site: hooks of mkdocs, and the pages that are generated."""
