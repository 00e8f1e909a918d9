"""What is fuzzed: each target takes any bytes, and fails when the program does what it must not.

The oracle of the splitter is websocket-client and stomp.py, which read the same bytes one frame at a time.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
import stomp.utils
import websocket

from collector.bodies import BodyError, decode
from collector.framing import COMMANDS, LINE_ENDS, Messages, ReceiveBuffer, StompSplitter
from collector.instruments import tickers_in
from collector.issplus import subscriptions
from shared.errors import InstrumentsError, ProtocolError
from shared.quotes import Price, Quote
from shared.wire import QuoteBatch, decode_upward, encode

CONTROL_OPCODES = {websocket.ABNF.OPCODE_CLOSE, websocket.ABNF.OPCODE_PING, websocket.ABNF.OPCODE_PONG}
MIXED_LINE_ENDS = b"\r\n\r\n"
"""The exchange ends lines by LF alone; of a frame that does both, stomp.py lets the headers end where either would."""

TICKER = "SBER"
SUBSCRIPTIONS = subscriptions([TICKER], ["orderbooks", "securities", "candles"], "TQBR")


class _Over(Exception):
    """No whole frame is left."""


@dataclass
class Read:
    """What was found in a stream: bodies by subscription in their order, other frames, and the control frames.

    `is_open` says that a STOMP frame without its end was followed by what may begin another and may not: no parser can
    tell where the one ends then.
    """

    messages: dict[bytes, list[bytes]] = field(default_factory=dict)
    others: list[bytes] = field(default_factory=list)
    controls: list[bytes] = field(default_factory=list)
    is_open: bool = field(default=False, compare=False)


def read_by_the_program(pieces: list[bytes]) -> Read:
    """As collector.stomp_socket does, but for the socket."""
    found, messages = Read(), Messages()
    buffer, splitter = ReceiveBuffer(), StompSplitter()
    fragments = websocket.continuous_frame(False, True)
    try:
        for piece in pieces:
            buffer.add(piece)
            while True:
                if splitter.is_between_frames and not fragments.recving_frames:
                    buffer.take_messages(messages)
                    _move(messages, found)
                if (frame := buffer.take_frame()) is None:
                    break
                payload = _payload_of(frame, fragments, found)
                for raw in splitter.feed(payload) if payload is not None else []:
                    _take(raw, found)
    except (ProtocolError, websocket.WebSocketException):
        pass
    return found


def read_by_the_libraries(data: bytes) -> Read:
    """websocket-client frame by frame, then stomp.py's own parser between the NULs."""
    found, rest, unfinished = Read(), memoryview(data), b""
    fragments = websocket.continuous_frame(False, True)

    def receive(size: int) -> bytes:
        nonlocal rest
        if len(rest) < size:
            raise _Over
        part, rest = bytes(rest[:size]), rest[size:]
        return part

    frames = websocket.frame_buffer(receive, True)
    try:
        while True:
            payload = _obey(frames.recv_frame(), fragments, found)
            if payload is None:
                continue
            begun = payload.lstrip(LINE_ENDS)
            if unfinished and begun.startswith(COMMANDS):
                _take(unfinished, found)
                unfinished = b""
            elif unfinished and begun:
                found.is_open = found.is_open or any(command.startswith(begun) for command in COMMANDS)
            *whole, unfinished = (unfinished + payload).split(b"\0")
            unfinished = unfinished.lstrip(LINE_ENDS)
            for raw in whole:
                if raw := raw.lstrip(LINE_ENDS):
                    _take(raw, found)
    except (_Over, websocket.WebSocketException):
        return found


def _payload_of(frame: bytes, fragments: websocket.continuous_frame, found: Read) -> bytes | None:
    rest = memoryview(frame)

    def receive(size: int) -> bytes:
        nonlocal rest
        part, rest = bytes(rest[:size]), rest[size:]
        return part

    return _obey(websocket.frame_buffer(receive, True).recv_frame(), fragments, found)


def _obey(frame: websocket.ABNF, fragments: websocket.continuous_frame, found: Read) -> bytes | None:
    """The payload of the message that is whole with this frame. Raises WebSocketException at the end."""
    if frame.opcode == websocket.ABNF.OPCODE_CLOSE:
        raise websocket.WebSocketException
    if frame.opcode in CONTROL_OPCODES:
        assert isinstance(frame.data, bytes)
        found.controls.append(frame.data)
        return None
    fragments.validate(frame)
    fragments.add(frame)
    return bytes(fragments.extract(frame)[1].data) if fragments.is_fire(frame) else None


def _take(raw: bytes, found: Read) -> None:
    frame = stomp.utils.parse_frame(raw)
    if frame is None:
        return
    if frame.cmd == "MESSAGE" and "subscription" in frame.headers:
        found.messages.setdefault(frame.headers["subscription"].encode(), []).append(frame.body)
    else:
        found.others.append(raw)


def _move(messages: Messages, found: Read) -> None:
    for key, group in messages.items():
        name = stomp.utils.parse_frame(b"MESSAGE\nsubscription:" + key + b"\n\n").headers["subscription"].encode()
        found.messages.setdefault(name, []).extend(data[start:end] for data, start, end in group)
    messages.clear()


def split(data: bytes) -> None:
    """The first two bytes say where the rest is cut into pieces."""
    size, stream = 1 + int.from_bytes(data[:2], "big"), data[2:]
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    ours, theirs = read_by_the_program(pieces), read_by_the_libraries(stream)
    assert ours == theirs or theirs.is_open or MIXED_LINE_ENDS in stream, (ours, theirs)


def read_body(data: bytes) -> None:
    """The first byte chooses the stream."""
    subscription = SUBSCRIPTIONS[data[0] % len(SUBSCRIPTIONS)] if data else SUBSCRIPTIONS[0]
    try:
        quote = decode(subscription, data[1:], 1.0)
    except BodyError as error:
        assert len(str(error)) < 500
        return
    batch = decode_upward(encode(QuoteBatch(0, [quote])))
    assert isinstance(batch, QuoteBatch)
    _check(batch.quotes[0])
    both = Quote(TICKER)
    both.merge(quote)
    both.merge(batch.quotes[0])
    _check(both)


def _check(quote: Quote) -> None:
    """Whatever is shown of it can be shown."""
    assert quote.ticker == TICKER
    shown = [quote.bid, quote.ask, quote.last, quote.change, quote.volume, quote.exchange_ms, quote.has_prices]
    assert all(str(value).isprintable() for value in shown)
    assert all(value is None or isinstance(value, Price) for value in shown[:4])
    texts = [value for value in (quote.fields or {}).values() if isinstance(value, str)]
    assert all(text.isprintable() for text in texts)
    assert quote.candle is None or quote.candle.start.isprintable()
    msgspec.json.encode([None if price is None else price.value for price in (quote.bid, quote.ask, quote.last)])


def read_page(data: bytes) -> None:
    """The REST page."""
    try:
        tickers = tickers_in(data)
    except InstrumentsError as error:
        assert str(error).isprintable()
        return
    assert tickers
    assert all(ticker.isprintable() and 0 < len(ticker) <= 32 for ticker in tickers)


TARGETS: dict[str, Callable[[bytes], None]] = {"split": split, "body": read_body, "page": read_page}
