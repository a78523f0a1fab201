"""Ingress: who offers what on which port, which hosts need a proxy, when endpoints change in a rollout."""
