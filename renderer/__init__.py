"""The render server: a processing URL in, the right picture out."""
