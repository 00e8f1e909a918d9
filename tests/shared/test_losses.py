"""The kinds of losses, by the very words in which the collector tells of them."""

import errno
import os

import pytest

from collector.connection import INTERNAL_ERROR
from collector.stomp_socket import _close_reason, _reason
from shared.losses import Loss, loss_of


@pytest.mark.parametrize(
    ("reason", "loss"),
    [
        ("the gateway closed the connection", Loss.CLOSED),
        (_close_reason(b"\x03\xe9going away"), Loss.CLOSED),
        (_close_reason(b"\x03\xe9the other side timed out, connection reset"), Loss.CLOSED),
        (_reason(ConnectionResetError()), Loss.RESET),
        (f"sending failed: {_reason(BrokenPipeError())}", Loss.RESET),
        ("EOF occurred in violation of protocol (_ssl.c:2427)", Loss.RESET),
        ("no pong and no data for 29 s", Loss.DEAD),
        (f"sending failed: {_reason(TimeoutError())}", Loss.DEAD),
        (os.strerror(errno.ETIMEDOUT).lower(), Loss.DEAD),
        ("the gateway reported that the gateway closed the connection", Loss.REFUSED),
        ("the gateway broke the WebSocket protocol: Invalid close opcode.", Loss.PROTOCOL),
        ("a WebSocket message of more than 16777216 bytes", Loss.PROTOCOL),
        ("the gateway sent a frame of 99999999 bytes, more than 16777216 are not taken", Loss.PROTOCOL),
        ("more than 10000 STOMP frames in one message", Loss.PROTOCOL),
        ("a STOMP frame without an end, after 16777217 bytes", Loss.PROTOCOL),
        (INTERNAL_ERROR, Loss.INTERNAL),
        ("No route to host", Loss.OTHER),
        ("", Loss.OTHER),
    ],
)
def test_every_reason_is_of_one_kind(reason: str, loss: Loss) -> None:
    assert loss_of(reason) is loss
