"""The documentation as a site: what mkdocs needs beside ``docs/``, and the pages that are generated."""
