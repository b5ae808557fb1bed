"""Between the gateway's event and what is done about it: bodies, forms, conditions, headers for browsers."""
