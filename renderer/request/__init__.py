"""URL text -> RenderRequest, and back. Pure."""
