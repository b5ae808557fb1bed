"""Draws the sample pictures that the server is shown with: nothing is fetched, nothing is committed."""
