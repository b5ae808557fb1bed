"""Proves a real deployment from outside: pictures, uploads, purges, and what only an account can show."""
