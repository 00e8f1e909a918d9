"""A loopback TCP forwarder with switches, for everything that a network does to a connection."""

import asyncio
import socket
import ssl
import struct
from typing import Self, cast

from tests.fakes.loop_thread import LoopThread

HOST = "127.0.0.1"
CHUNK_BYTES = 65_536


class Forwarder:
    """Forwards every connection to `port` on to `target_port` of this machine, both ways. A context manager.

    With `tls` it ends the encryption of those who come. Runs in a thread; switches take effect at once, for connections
    that are there and for those that come.
    """

    def __init__(self, target_port: int, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.accepted = 0
        self._tls = tls
        self._target_port = target_port
        self._drip_s: float | None = None
        self._pairs: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._flows = asyncio.Event()
        self._flows.set()
        self._resets_new = False
        self._thread = LoopThread("forwarder")
        try:
            self.port = self._thread.call(self._listen(port))
        except OSError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def connections(self) -> int:
        """Connections forwarded now."""
        return len(self._pairs)

    def resume(self) -> None:
        """Let everything pass, what was held back first. The state at the start."""
        self._thread.call(self._switch(flows=True))

    def stop(self) -> None:
        """Hold the bytes back, both ways; connections stay, and new ones are accepted."""
        self._thread.call(self._switch(flows=False))

    def drip(self, every_ms: float) -> None:
        """Let single bytes pass, one each way every so many milliseconds, until `resume`."""
        self._thread.call(self._switch(flows=True, drip_s=every_ms / 1000))

    def reset(self, *, and_new_ones: bool = False) -> None:
        """Cut all connections by RST to both sides; with `and_new_ones` each new one as well, until `resume`."""
        self._thread.call(self._reset(and_new_ones))

    def close_listener(self) -> None:
        """Refuse new connections; those that are there stay."""
        self._thread.call(self._unlisten())

    def open_listener(self) -> None:
        """Accept connections again, on the same port."""
        self._thread.call(self._listen(self.port))

    def close(self) -> None:
        """End everything. Harmless when repeated."""
        self._thread.close(self._end)

    async def _listen(self, port: int) -> int:
        await self._unlisten()
        self._server = await asyncio.start_server(self._forward, HOST, port, ssl=self._tls)
        number: int = self._server.sockets[0].getsockname()[1]
        return number

    async def _unlisten(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _switch(self, *, flows: bool, drip_s: float | None = None) -> None:
        self._drip_s, self._resets_new = drip_s, False
        if flows:
            self._flows.set()
        else:
            self._flows.clear()

    async def _reset(self, and_new_ones: bool) -> None:
        self._resets_new = and_new_ones
        pairs = list(self._pairs)
        for pair in pairs:
            pair.cancel()
        await asyncio.gather(*pairs, return_exceptions=True)

    async def _end(self) -> None:
        await self._unlisten()
        await self._reset(and_new_ones=True)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, as long as it lasts. A cut on one side becomes a cut on the other."""
        self.accepted += 1
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._pairs.add(task)
        try:
            if self._resets_new:
                raise ConnectionResetError
            await self._join(reader, writer)
            writer.close()
        except (OSError, asyncio.CancelledError):
            _cut(writer)
        finally:
            self._pairs.discard(task)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass bytes both ways until both sides have ended. Raises OSError when one is cut."""
        onward_reader, onward_writer = await asyncio.open_connection(HOST, self._target_port)
        directions = [
            asyncio.create_task(self._pass_on(reader, onward_writer)),
            asyncio.create_task(self._pass_on(onward_reader, writer)),
        ]
        try:
            await asyncio.gather(*directions)
            onward_writer.close()
        except (OSError, asyncio.CancelledError):
            _cut(onward_writer)
            raise
        finally:
            for direction in directions:
                direction.cancel()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK_BYTES):
            while data:
                await self._flows.wait()
                size = len(data) if self._drip_s is None else 1
                writer.write(data[:size])
                data = data[size:]
                await writer.drain()
                await asyncio.sleep(self._drip_s or 0)
        await self._flows.wait()
        if writer.can_write_eof():
            writer.write_eof()
        else:
            writer.close()


def _cut(writer: asyncio.StreamWriter) -> None:
    """Close by RST. Under TLS the socket may be gone already."""
    peer: socket.socket | None = writer.get_extra_info("socket")
    if peer is not None and peer.fileno() >= 0:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
