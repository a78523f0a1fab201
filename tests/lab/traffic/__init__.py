"""Traffic for the tests of ingress: a server that can be slow, and clients that never stop asking."""
