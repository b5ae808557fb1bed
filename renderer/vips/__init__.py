"""Pixels: the only importer of pyvips."""
