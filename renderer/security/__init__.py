"""Decisions about who may have what. Pure."""
