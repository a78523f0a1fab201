"""The placement of replicas on hosts."""
