"""CloudFront before the render server, and what it needs in its own region."""
