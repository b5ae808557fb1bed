"""Every variant of the stack synthesised and every template checked, without an account and without a network."""

import infra  # noqa: F401 - chooses the node that aws_cdk runs on, before anything here imports that
