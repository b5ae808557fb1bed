"""Processes, sockets and connections: what stands between the network and the application."""
