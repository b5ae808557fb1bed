"""Where source pictures come from."""
