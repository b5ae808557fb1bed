"""The CDK application: `cdk deploy` starts it. The only place of `infra` that reads the environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from aws_cdk import App, Tags

from infra.config import ConfigurationError, StageConfig
from infra.delivery.edge import EdgeStack
from infra.environment import read_configuration
from infra.stack import BildwerkStack
from infra.watch import WatchStack

PACKAGES = Path(__file__).parent.parent / ".packages"


def add_stacks(app: App, config: StageConfig, *, packages: Path = PACKAGES) -> BildwerkStack:
    """Adds a stage to an application: one stack; outside of us-east-1 a small one before it and one after it.

    `packages` is the folder of the functions' code that `make packages` writes.
    """
    name = f"Bildwerk-{config.name}"
    edge = None
    if config.needs_edge_stack:
        edge = EdgeStack(
            app,
            f"{name}-edge",
            config=config.delivery,
            log_retention_days=config.monitoring.log_retention_days,
            termination_protection=config.retain,
        ).edge
    stack = BildwerkStack(app, name, config=config, packages=packages, edge=edge)
    if edge is not None:
        WatchStack(app, f"{name}-watch", config=config, edge=edge, delivery=stack.delivery)
    Tags.of(app).add("application", "bildwerk")
    Tags.of(app).add("stage", config.name)
    return stack


def main() -> None:
    """Synthesises what the environment asks for; a bad configuration ends it with one sentence and status 2."""
    try:
        config = read_configuration(os.environ)
        app = App()
        add_stacks(app, config)
    except ConfigurationError as error:
        sys.exit(f"bildwerk: {error}")
    app.synth()


if __name__ == "__main__":
    main()
