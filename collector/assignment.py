"""What the supervisor hands to a worker process, and the way in; the libraries of a worker are loaded beyond it."""

from multiprocessing.queues import Queue

import msgspec

from collector.sharding import Shard
from shared.settings import Settings


class Assignment(msgspec.Struct, frozen=True):
    """What one worker process has to do; crosses to it when it is started."""

    worker: int
    shards: tuple[Shard, ...]
    settings: Settings
    is_screen_drawn: bool
    silent_for_s: float
    """How long to tell nothing of its connections: many in its place have died, and told the same."""


def work(assignment: Assignment, queue: "Queue[bytes]") -> None:
    """The target of a worker process: see worker.main."""
    from collector import worker  # not above: the supervisor would load what it has no use for

    worker.main(assignment, queue)
