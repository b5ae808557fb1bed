"""The container image: built, run and measured without Docker and without a registry."""
