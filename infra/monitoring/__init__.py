"""What people look at: alarms with a runbook, one dashboard, saved log queries, a budget."""
