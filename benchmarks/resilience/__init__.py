"""What a server does when the world is against it: overload, signals, dying processes, slow clients, a sick store."""
