"""The HTTP edge: each handler is one story."""
