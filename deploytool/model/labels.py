"""The names of container labels: deploytool's own, and those of Docker Compose."""

SPEC = "deploytool.spec"
KEYS = "deploytool.keys"
RESERVE = "deploytool.reserve"
TARGETS = "deploytool.ingress.targets"
ADMIN = "deploytool.ingress.admin"

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
NUMBER = "com.docker.compose.container-number"
ONEOFF = "com.docker.compose.oneoff"
