"""What things cost; nothing here is a test."""
