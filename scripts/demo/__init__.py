"""The whole platform on one machine, without Docker; see `__main__`."""
