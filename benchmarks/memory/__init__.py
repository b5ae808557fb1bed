"""How much memory a server holds while it renders large photographs, and whether that stays so."""
