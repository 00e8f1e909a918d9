"""The shell of one client: its WebSocket, what it is owed, and what goes wrong on the way.

Everything here belongs to the thread of the exchange's loop.
"""

import asyncio
import contextlib
from collections.abc import Callable
from random import Random
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from simulator.faults import Faults, Silence, reframed, with_junk
from simulator.gateway import Session
from simulator.outbox import Outbox
from simulator.stomp import ForbiddenLineEnd, FrameSplitter, MalformedFrame

CONGESTED_BYTES = 512 * 1024
_RELIEVED_BYTES = CONGESTED_BYTES // 4


class GatewayConnection(ServerConnection):
    """A WebSocket connection of the `websockets` library that sends in batches and can fall dead silent.

    `falls_silent` is asked before every sending. Once it said yes the connection is dead: its stream has lost bytes.
    """

    def __init__(self, *args: Any, falls_silent: Callable[[], bool], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._falls_silent = falls_silent
        self.is_dead = False

    @property
    def is_open(self) -> bool:
        return self.protocol.state is State.OPEN and not self.transport.is_closing()

    @property
    def unsent_bytes(self) -> int:
        """Bytes that the system does not take yet, because the client does not read."""
        return self.transport.get_write_buffer_size()

    def send_data(self) -> None:
        """Send what the protocol holds, answers to pings included, unless dead. Called by the library, too."""
        self._notice_silence()
        if self.is_dead:
            self.protocol.data_to_send()
        else:
            super().send_data()

    def send_messages(self, messages: list[list[bytes]]) -> None:
        """Send binary messages, each given as its fragments, with one call of the system. Only while open."""
        for first, *others in messages:
            self.protocol.send_binary(first, fin=not others)
            for number, fragment in enumerate(others, start=1):
                self.protocol.send_continuation(fragment, fin=number == len(others))
        batch = b"".join(self.protocol.data_to_send())
        self._notice_silence()
        if not self.is_dead:
            self.transport.write(batch)

    def cut(self) -> None:
        """End the TCP connection without a word."""
        self.transport.abort()

    def _notice_silence(self) -> None:
        self.is_dead = self.is_dead or self._falls_silent()


class Link:
    """Carries out one session over one connection."""

    def __init__(
        self, connection: GatewayConnection, session: Session, outbox: Outbox, faults: Faults, random: Random
    ) -> None:
        self.connection, self.outbox = connection, outbox
        self._session, self._faults, self._random = session, faults, random

    async def talk(self, clock: Callable[[], float]) -> None:
        """Answer the client until either side ends the session. `clock` tells seconds since 1970."""
        try:
            await self._answer_frames(clock)
        except (ForbiddenLineEnd, ConnectionClosed, OSError):
            self.connection.cut()
        finally:
            self._session.end()

    async def _answer_frames(self, clock: Callable[[], float]) -> None:
        splitter = FrameSplitter()
        async for message in self.connection:
            try:
                for frame in splitter.feed(message if isinstance(message, bytes) else message.encode()):
                    self._session.receive(frame, clock())
            except MalformedFrame:
                self._session.fail()
            self.flush()
            if self._session.ends_in_s is not None:
                await self._linger(self._session.ends_in_s)
                return
            await self.connection.drain()

    async def _linger(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.connection.wait_closed(), seconds)

    def look(self, silence: Silence) -> bool:
        """Find out whether the client can be sent to; True when it is owed something that can be sent now."""
        outbox = self.outbox
        unsent_bytes = self.connection.unsent_bytes
        outbox.is_congested = unsent_bytes > (_RELIEVED_BYTES if outbox.is_congested else CONGESTED_BYTES)
        outbox.is_silent = self.connection.is_dead or silence is not Silence.NONE
        return bool(outbox.missed) and not outbox.is_blocked

    def flush(self) -> None:
        """Send all frames of the outbox at once, never blocking."""
        frames = self.outbox.take()
        if not frames or not self.connection.is_open:
            return
        if self._faults.junk_share > 0:
            frames = with_junk(frames, self._faults.junk_share, self._random)
        if self._faults.reframes:
            self.connection.send_messages(reframed(frames, self._random))
        else:
            self.connection.send_messages([[frame] for frame in frames])
