"""YAML with places, amounts with units, problems, and a log of inputs."""
