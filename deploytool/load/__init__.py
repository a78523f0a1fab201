"""Files → model. All problems are reported at once, each with file, line and column.

``text`` reads YAML, JSON and amounts with units; values keep the place at which they were written.
``templates`` renders strings: Jinja in a sandbox, then ``${}``.
``inventory`` reads hosts and groups in all of Ansible's forms, and merges their variables by precedence.
``compose`` has the tables of Compose's keys, validates services by them and brings them into one form.
``playbook`` reads plays by the table of their keys, and makes the services and each host's definition.

Nothing here decides where anything runs, and nothing talks to a host.
"""
