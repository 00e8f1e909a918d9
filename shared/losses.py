"""Why a connection was lost, in few kinds: what can be counted for months and compared between machines. Pure."""

from enum import StrEnum


class Loss(StrEnum):
    """Whoever adds a kind adds a series of numbers to every monitoring that counts them."""

    CLOSED = "closed"
    """The gateway closed it."""
    RESET = "reset"
    """It broke off without a word."""
    DEAD = "dead"
    """The peer gave no sign of life, or took nothing any more."""
    REFUSED = "refused"
    """The gateway said ERROR."""
    PROTOCOL = "protocol"
    """What came could not be read."""
    INTERNAL = "internal"
    """An error of this program."""
    OTHER = "other"


_MARKS = (
    ("the gateway reported", Loss.REFUSED),
    ("the gateway broke the WebSocket protocol", Loss.PROTOCOL),
    ("a WebSocket message of more than", Loss.PROTOCOL),
    ("the gateway sent a frame of", Loss.PROTOCOL),
    ("STOMP frame", Loss.PROTOCOL),
    ("the gateway closed the connection", Loss.CLOSED),
    ("connection reset", Loss.RESET),
    ("EOF occurred", Loss.RESET),
    ("no pong and no data", Loss.DEAD),
    ("timed out", Loss.DEAD),
    ("internal error", Loss.INTERNAL),
)
"""In this order: what the gateway itself says comes after, and may say anything."""


def loss_of(reason: str) -> Loss:
    """The kind of a reason that a connection gives for its loss; OTHER for one that is not known."""
    return next((loss for mark, loss in _MARKS if mark in reason), Loss.OTHER)
