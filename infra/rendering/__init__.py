"""The render server: its tasks, what spreads requests over them, and how many there are."""
