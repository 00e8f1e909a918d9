"""Feed: the hub as a display sees it, at the other end of a pipe."""

import multiprocessing
from multiprocessing.connection import Connection

from shared.market import Market
from shared.quotes import Quote
from shared.wire import Request, decode_picture, encode


class Feed:
    """Asks for pictures and folds them into `market`, which is None before the first one. Used by one thread.

    `news` are the quotes of the newest picture: those that changed since the one before. `is_over` is True once the hub
    is gone; nothing is sent or received then, and nothing raised.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_asked = False
        self.market: Market | None = None
        self.news: list[Quote] = []
        self.is_over = False

    def fileno(self) -> int:
        return self._connection.fileno()

    def ask(self) -> None:
        """Ask for the next picture, unless one is on its way."""
        if not self._is_asked:
            self._is_asked = True
            self._send(Request.NEXT)

    def quit(self) -> None:
        """Tell the hub that the person asked to end the program."""
        self._send(Request.QUIT)

    def receive(self) -> bool:
        """Fold in a picture that has come; False when there is none. Blocks while a picture is half here.

        Raises msgspec.DecodeError when the hub sent something else.
        """
        if (data := self._receive()) is None:
            return False
        self._is_asked = False
        picture = decode_picture(data)
        if self.market is None:
            self.market = Market(picture.totals)
        self.market.show(picture)
        self.news = picture.quotes
        return True

    def _send(self, request: Request) -> None:
        try:
            if not self.is_over:
                self._connection.send_bytes(encode(request))
        except OSError:
            self.is_over = True

    def _receive(self) -> bytes | None:
        try:
            return self._connection.recv_bytes() if not self.is_over and self._connection.poll() else None
        except (EOFError, OSError):
            self.is_over = True
            return None


def parent_sentinels() -> list[int]:
    """What becomes readable when the parent process dies; empty in a process that has none."""
    parent = multiprocessing.parent_process()
    return [] if parent is None else [parent.sentinel]
