"""Packages of the Lambda functions, built without Docker."""
