"""The settings tables. Pure."""
