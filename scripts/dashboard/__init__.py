"""Checks the Grafana dashboard against a real run and plots it; see `__main__`."""
