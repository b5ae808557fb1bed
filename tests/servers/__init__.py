"""Servers that tests start: real ones as processes of their own, and small ones that misbehave on request."""
