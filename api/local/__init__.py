"""The Lambda functions of the API on one machine: a gateway, a queue and events in one process."""
