"""What waits to be sent to one client, bounded however slow it reads. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from simulator.destinations import Topic, Wanted


@dataclass(eq=False, slots=True)
class Subscription:
    """One subscription of one client: what it wants, and the start of each of its MESSAGE frames."""

    id: str
    wanted: Wanted
    outbox: "Outbox"
    head: bytes = b""

    def __post_init__(self) -> None:
        self.head = f"MESSAGE\ndestination:{self.topic.destination}\nsubscription:{self.id}\n".encode()

    @property
    def topic(self) -> Topic:
        return self.wanted.topic


@dataclass(eq=False, slots=True)
class Outbox:
    """Frames for one client, in order.

    While it is blocked, market data is not kept but noted: `missed` holds for each subscription the columns whose
    last state is still owed, or None when the whole snapshot is. While it is silent nothing goes out at all, and what
    was answered meanwhile is lost.
    """

    frames: list[bytes] = field(default_factory=list)
    missed: dict[Subscription, set[str] | None] = field(default_factory=dict)
    is_congested: bool = False
    is_silent: bool = False
    messages: int = 0

    @property
    def is_blocked(self) -> bool:
        return self.is_congested or self.is_silent

    def answer(self, frame: bytes) -> None:
        """Put a frame that is the answer to one of the client."""
        if not self.is_silent:
            self.frames.append(frame)

    def message(self, subscription: Subscription, tail: bytes, columns: Iterable[str] | None = None) -> bool:
        """Put a MESSAGE, or note that it is owed; False then.

        `tail` is all that follows the subscription's head; `columns` are those it brings, None for a snapshot.
        """
        if self.is_blocked:
            self._owe(subscription, columns)
            return False
        self.frames.append(subscription.head + tail)
        self.messages += 1
        return True

    def _owe(self, subscription: Subscription, columns: Iterable[str] | None) -> None:
        owed = self.missed.setdefault(subscription, set() if columns is not None else None)
        if columns is None:
            self.missed[subscription] = None
        elif owed is not None:
            owed.update(columns)

    def take(self) -> list[bytes]:
        """The frames to send now; they are no longer here afterwards."""
        frames, self.frames = self.frames, []
        return frames

    def take_missed(self) -> dict[Subscription, set[str] | None]:
        """What is owed; it is no longer here afterwards."""
        missed, self.missed = self.missed, {}
        return missed
