"""The configuration of the proxies. Each project writes its part, and the host joins them: see ``parts``."""
