"""Files → model. Reports all problems at once, each with file, line and column.

``yamlfile`` reads YAML and remembers places; ``problems`` collects what is wrong; ``template`` renders
strings; ``inventory``, ``variables`` and ``vault`` read hosts; ``playbook`` and ``compose`` read plays.
Nothing here decides where anything runs, and nothing talks to a host.
"""
