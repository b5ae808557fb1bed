"""What is watched of the render service: its tasks, and what the server itself says of its queue."""

from __future__ import annotations

from infra.config import StageConfig
from infra.monitoring import log_metrics
from infra.monitoring.alarms import BREACHING, Alarm
from infra.monitoring.sources import Sources


def renderer_alarms(config: StageConfig, sources: Sources) -> tuple[Alarm, ...]:
    """The alarms."""
    return (*_resources(config, sources), *_tasks(config, sources), *_queue(sources), _faults(sources))


def _resources(config: StageConfig, sources: Sources) -> tuple[Alarm, ...]:
    return (
        Alarm(
            name="service-cpu",
            metric=sources.service.metric("CPUUtilization", "Average"),
            threshold=85,
            periods=15,
            says="The tasks have used more than 85 % of their CPU for a quarter of an hour.",
            why=f"tasks are added from {config.renderer.scaling.cpu_percent} % on, in two minutes: at 85 % for fifteen"
            " none can be added any more, or they do not start.",
        ),
        Alarm(
            name="service-memory",
            metric=sources.service.metric("MemoryUtilization", "Maximum"),
            threshold=85,
            periods=10,
            says="A task has used more than 85 % of its memory for ten minutes.",
            why="Fargate kills a task at 100 %; the server replaces a process that has grown long before that.",
        ),
    )


def _tasks(config: StageConfig, sources: Sources) -> tuple[Alarm, ...]:
    scaling = config.renderer.scaling
    return (
        Alarm(
            name="tasks-below-minimum",
            metric=sources.insights.metric("RunningTaskCount", "Minimum"),
            threshold=scaling.min_tasks,
            is_floor=True,
            periods=5,
            says=f"Fewer than {scaling.min_tasks} tasks have run for five minutes.",
            why="the configured minimum, one task for each of two zones; replacing one takes two or three minutes.",
            missing=BREACHING,
            pages=True,
        ),
        Alarm(
            name="tasks-at-maximum",
            metric=sources.insights.metric("RunningTaskCount", "Minimum"),
            threshold=scaling.max_tasks - 1,
            periods=30,
            says=f"The service has had all its {scaling.max_tasks} tasks for half an hour.",
            why="the configured maximum: what comes on top is queued and then refused. A release doubles the tasks for"
            " some minutes, so half an hour.",
        ),
    )


def _queue(sources: Sources) -> tuple[Alarm, ...]:
    return (
        Alarm(
            name="workers-utilization",
            metric=sources.render_server.metric("WorkersUtilization", "Average"),
            threshold=100,
            periods=10,
            says="For ten minutes more requests were inside the tasks than they can work on at once.",
            why="over 100 % requests wait. Ten minutes are five times what a new task needs to start.",
        ),
        Alarm(
            name="queue-refusals",
            metric=sources.log_lines.metric(log_metrics.REFUSALS),
            threshold=60,
            periods=5,
            breaching=3,
            says="The render server refuses more than one request a second because its queue is full.",
            why="some are refused while a task starts, and browsers try again; three minutes of it mean that the tasks"
            " do not suffice.",
            pages=True,
        ),
    )


def _faults(sources: Sources) -> Alarm:
    return Alarm(
        name="renderer-faults",
        metric=sources.log_lines.metric(log_metrics.FAULTS, seconds=300),
        threshold=0,
        periods=3,
        breaching=2,
        says="The render server answers with 500, which means a defect in it.",
        why="bad pictures and failing sources have other statuses, so there should be none; twice in a quarter of an"
        " hour is not a picture that somebody tried once.",
    )
