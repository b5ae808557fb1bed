"""The upload and delete API: functions, gateway, and the queue of purges."""
