"""What the first request of a Lambda function costs."""
