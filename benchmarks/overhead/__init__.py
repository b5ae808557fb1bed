"""What the server costs beside the pixels."""
