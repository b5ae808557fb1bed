"""Who may do what: tokens, the authorizer, and what comes of them."""
