"""What a picture costs: here, in bare libvips, and in any server that answers the same URLs."""
