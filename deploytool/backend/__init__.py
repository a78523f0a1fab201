"""Everything that acts on hosts: ``base`` has the promise of a backend and the registry; one folder each."""
