"""How all renditions of an original go: orders, their queue, stored results, the CDN."""
