"""What a service tells its service manager: the protocol of sd_notify, one datagram at a time."""

import contextlib
import os
import socket
from collections.abc import MutableMapping

VALUE_LIMIT = 1000
"""Characters of a value that are sent: a datagram has to fit."""


class Notifier:
    """The way to the service manager; without one, nothing is sent. Never blocks, never raises."""

    def __init__(self, address: str) -> None:
        """`address` is a path, or with a leading @ the name of an abstract socket; anything else is none."""
        self.is_used = address.startswith(("/", "@"))
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if self.is_used else None
        if self._socket is not None:
            self._socket.setblocking(False)

    def send(self, **values: str) -> None:
        """Each value on one line. When the manager does not read, or is gone, that is its affair."""
        if self._socket is not None:
            text = "\n".join(f"{name}={' '.join(value.split())[:VALUE_LIMIT]}" for name, value in values.items())
            with contextlib.suppress(OSError):
                self._socket.sendto(text.encode(errors="replace"), self._address)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def notifier_taken_from(environment: MutableMapping[str, str]) -> Notifier:
    """The one of $NOTIFY_SOCKET, which is taken out: no child may speak for the service."""
    return Notifier(environment.pop("NOTIFY_SOCKET", ""))


def watchdog_taken_from(environment: MutableMapping[str, str]) -> float | None:
    """Seconds within which the service manager wants to hear of this process; None when it does not."""
    limit, process = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
    if not limit.isdecimal() or int(limit) == 0 or process not in ("", str(os.getpid())):
        return None
    return int(limit) / 1_000_000
