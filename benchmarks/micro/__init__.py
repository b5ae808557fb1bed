"""Micro benchmarks of the pure core."""
