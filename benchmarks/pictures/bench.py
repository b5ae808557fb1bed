"""What all parts of a run share: the corpus, the targets, how much is measured, and how far it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.load.accounting import allocator_of
from benchmarks.load.client import Address
from benchmarks.load.server import RunningServer, running_server
from benchmarks.pictures.corpus import Corpus
from benchmarks.pictures.peers import Peer
from benchmarks.pictures.rounds import Effort
from benchmarks.pictures.scenarios import Order, Scenario
from benchmarks.pictures.targets import LARGER, LIBVIPS, LIMIT, ONE_BY_ONE, OURS, Server, Target, limit
from renderer.cpus import usable_cpus


@dataclass(slots=True, kw_only=True)
class Bench:
    """A run.

    Attributes:
        folder: for logs.
        variables: settings of our server in every scenario, beside what it needs.
        distribution: a deployed one, if there is one to be measured.
        gone: names of targets that have stopped answering: nothing is asked of them any more.
    """

    corpus: Corpus
    folder: Path
    effort: Effort
    progress: tqdm[Any]
    variables: Mapping[str, str] = field(default_factory=dict)
    peers: Sequence[Peer] = ()
    distribution: Server | None = None
    gone: set[str] = field(default_factory=set)

    def done(self) -> None:
        """Counts a round or a step."""
        self.progress.update()

    def others(self) -> list[Server]:
        """The servers that others have started, as far as they answer."""
        servers = [peer.server() for peer in self.peers]
        if self.distribution is not None:
            self.distribution.bodies = {}
            servers.append(self.distribution)
        return [server for server in servers if server.name not in self.gone]

    def running(self, name: str, variables: Mapping[str, str]) -> AbstractContextManager[RunningServer]:
        """Our server over the corpus, with its log under that name."""
        own = {
            "IMGPROXY_LOCAL_FILESYSTEM_ROOT": str(self.corpus.folder),
            # Costs are measured, not deadlines: a long animation on a slow machine takes more than ten seconds.
            "IMGPROXY_TIMEOUT": "60",
        }
        return running_server(self.folder / f"{name}.log", {**own, **self.variables, **variables})

    @asynccontextmanager
    async def targets(self, scenario: Scenario) -> AsyncIterator[list[Target]]:
        """Everything that answers a scenario, started for it alone: ours first, then the limit, then the others."""
        async with AsyncExitStack() as stack:
            running = stack.enter_context(self.running(scenario.name, scenario.variables))
            targets: list[Target] = [ours(running)]
            if scenario.order is Order.BURST:
                targets.append(ours(running, name=ONE_BY_ONE, is_one_by_one=True))
                larger = {**scenario.variables, "BILDWERK_SHARED_DECODE": "larger"}
                targets.append(ours(stack.enter_context(self.running(f"{scenario.name}-larger", larger)), name=LARGER))
            if scenario.has_limit:
                # The limit has our allocator; bare libvips is as libvips comes, with two arenas.
                same = allocator_of(running.process.pid)
                for name, operations, environment in ((LIMIT, "plan", same), (LIBVIPS, "imgproxy", {})):
                    program = limit(
                        name,
                        self.corpus.folder,
                        self.folder / f"{scenario.name}-{operations}.log",
                        operations=operations,
                        threads=min(scenario.connections, usable_cpus()),
                        variables={**self.variables, **scenario.variables},
                        environment=environment,
                    )
                    targets.append(await stack.enter_async_context(program))
            yield [*targets, *self.others()]


def ours(running: RunningServer, *, name: str = OURS, is_one_by_one: bool = False) -> Server:
    """Our server as a target."""
    address = Address(host="127.0.0.1", port=running.port)
    return Server(name=name, address=address, pid=running.process.pid, is_one_by_one=is_one_by_one)
