"""Status and headers. Pure."""
