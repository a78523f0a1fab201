"""Model → the files a host receives, and the spec that each container is made from.

Pure: the same input gives the same bytes. No I/O but reading the packaged template.
"""
