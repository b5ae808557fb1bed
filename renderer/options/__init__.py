"""The option tables. Pure; an option is added here and only here."""
