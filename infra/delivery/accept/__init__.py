"""The function that CloudFront runs on each viewer request."""
