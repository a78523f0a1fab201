"""Running commands on a host, over SSH or on this machine. Containers are not known here."""
