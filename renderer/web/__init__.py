"""aiohttp plumbing."""
