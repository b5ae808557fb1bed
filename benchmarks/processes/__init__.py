"""Processes and threads, and the allocator under them: what each arrangement costs."""
