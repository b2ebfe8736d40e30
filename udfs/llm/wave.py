"""All that the tasks of a wave need to know, picklable, and given to them in a closure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from udfs.llm.models import Endpoint
from udfs.llm.retries import RetryPolicy

EndpointKey = tuple[str, str]  # provider, model
Send = tuple[float, float, float]  # seconds since the epoch, requests, tokens


@dataclass(frozen=True, kw_only=True)
class WaveContext:
    """One wave: who is called, from where, and under which permission.

    The keys are in here only for runners whose executors have no environment of their own; they are left out of
    `repr`, so that no log or error shows them.
    """

    journal: str
    """URI of the wave's folder; its last part names the wave."""
    endpoints: tuple[Endpoint, ...]
    # provider and model -> the tasks that call it; an endpoint that is missing is called by task 0 alone
    tasks: Mapping[EndpointKey, tuple[int, ...]] = field(default_factory=dict)
    # what all tasks together sent in the last window before this wave, oldest first
    sends: Mapping[EndpointKey, tuple[Send, ...]] = field(default_factory=dict)
    # endpoints that have answered before: a 400 of theirs is the request's fault
    proven: frozenset[EndpointKey] = frozenset()
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    lease_file: str | None = None
    epoch: int = 0
    stop_file: str | None = None
    grace_seconds: float = 30.0
    """What calls in flight are given after a stop."""
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Name of the variable -> key."""

    @property
    def task_count(self) -> int:
        """Tasks of the wave, those without a call included."""
        return 1 + max((task for tasks in self.tasks.values() for task in tasks), default=0)

    def place(self, key: EndpointKey, task: int) -> tuple[int, int] | None:
        """Which of how many shares of an endpoint a task has, or None."""
        tasks = self.tasks.get(key, (0,))
        return (tasks.index(task), len(tasks)) if task in tasks else None
