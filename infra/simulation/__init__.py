"""The autoscaling policy against a day's traffic, without an account: `python -m infra.simulation` (docs/growth.md)."""
