"""The deployment: one CDK stack for all of Bildwerk on AWS (README.md beside this file)."""

from infra.node import choose_node

choose_node()  # before the first import of aws_cdk, which starts node
