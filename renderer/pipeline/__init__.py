"""Plans: what to do with a picture, computed before it is done. Pure."""
