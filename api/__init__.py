"""The upload and delete API: Lambda functions behind API Gateway, and the same functions on a developer's machine."""
