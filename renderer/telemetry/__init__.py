"""What is told about requests while they run: logs, metrics, traces, error reports."""
