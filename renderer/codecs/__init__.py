"""Bytes <-> pixels and metadata for what libvips lacks; no pyvips here."""
