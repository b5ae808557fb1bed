"""What benchmarks share: a server as a process, and clients that notice everything."""
