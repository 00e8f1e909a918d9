"""What a hostile or broken exchange could send: each poison is bytes for one connection, and what they must count as.

None of them changes a price that a test compares: those that fit change only what nobody compares, such as the caption.
"""

import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from websockets.frames import Opcode

from tests.fakes.ledger import SubscriptionSeen
from tests.fakes.wire import stomp, websocket

BAD_UTF8 = b"\xff\xfe\xc3("
ESCAPES = "\x1b[2J\x1b]52;c;cm0=\x07\x9b31m\x90q\x9c\r\n\x07\x00\u202e\u2028 end"
"""Clear the screen, write the clipboard, 8-bit CSI and DCS, a line of its own, and text that runs backwards."""

HARMFUL = ("\x1b]52", "\x1b[2J\x1b]", "\x9b", "\x90", "\x07", "\u202e", "\u2028")
"""What of it a terminal must never be sent."""

FAR_MS = (1_000_000_000_000, 4_070_908_800_000)
"""2001 and 2099."""

LARGE_BYTES = 100_000


class Poison(NamedTuple):
    """`messages` are the MESSAGE frames in it, `misfits` those that must be counted as decode errors.

    `perhaps` counts misfits that are skipped when a newer order book came with them.
    """

    data: bytes
    messages: int = 0
    misfits: int = 0
    perhaps: int = 0


def poisons(subscriptions: Sequence[SubscriptionSeen]) -> list[Poison]:
    """Of every kind, for a connection with these subscriptions."""
    securities = next(one for one in subscriptions if one.stream == "securities")
    book = next(one for one in subscriptions if one.stream == "orderbooks")
    misfits = [_message(securities.id, body) for body in itertools.chain(_bad_bodies(), _bad_securities(securities))]
    books = [_message(book.id, body) for body in itertools.chain(_bad_bodies(), _bad_books())]
    harmless = [_message(securities.id, body) for body in _harmless(securities)]
    return [
        *(Poison(websocket(frame), 1, 1) for frame in misfits),
        *(Poison(websocket(frame, Opcode.TEXT), 1, 1) for frame in misfits),
        *(Poison(websocket(frame), 1, perhaps=1) for frame in books),
        *(Poison(websocket(frame), 1) for frame in harmless),
        *(Poison(websocket(frame, Opcode.TEXT), 1) for frame in harmless),
        *(Poison(_in_fragments(frame, pieces), 1) for frame in harmless[:4] for pieces in (2, 3, 50)),
        *(Poison(_in_messages(frame, pieces), 1) for frame in harmless[:4] for pieces in (2, 5)),
        *_wrong_headers(harmless[0], securities.id),
        *_unfinished(harmless[0], securities.id),
        *_unknown_frames(),
        *_refusals(securities.id),
        Poison(websocket(misfits[0] + b"\n\n" + harmless[0] + b"\0\0" + stomp("WHAT", {})), 2, 2),
        *(Poison(websocket(b"x" * size, opcode)) for opcode in (Opcode.PING, Opcode.PONG) for size in (0, 125)),
        *(Poison(websocket(nothing)) for nothing in (b"", b"\n", b"\r\n\n", b"\0", b"\n\0" * 100)),
    ]


def large_poisons(subscriptions: Sequence[SubscriptionSeen]) -> list[Poison]:
    """What costs more than its share, so that it is to be sent now and then only."""
    securities = next(one for one in subscriptions if one.stream == "securities")
    deep = [b"[" * LARGE_BYTES, b'{"a":' * (LARGE_BYTES // 5), b"9" * LARGE_BYTES, b'"' + b"x" * 4 * LARGE_BYTES + b'"']
    headers = "".join(f"h{number}:{number}\n" for number in range(LARGE_BYTES // 10)).encode()
    return [
        *(Poison(websocket(_message(securities.id, body)), 1, 1) for body in deep),
        Poison(websocket(b"WHAT\n" + headers + b"\n\0"), misfits=1),
        Poison(websocket(b"MESSAGE\n" + headers + b"\n{}\0"), 1, 1),
        Poison(websocket(stomp("ERROR", {"subscription": securities.id, "message": "x" * LARGE_BYTES}))),
        Poison(websocket(stomp("WHAT", {}) * 1000), misfits=1000),
    ]


def endings() -> list[bytes]:
    """After each of these nothing further can be read of a connection: one reconnect each is due."""
    announced = b"\x82\x7f" + (100 * 2**20).to_bytes(8, "big")
    piece = b"x" * 2**20
    endless = websocket(piece, is_last=False) + websocket(piece, Opcode.CONT, is_last=False) * 8
    return [
        announced,
        announced + piece,
        endless,
        websocket(piece) * 9,
        websocket(stomp("WHAT", {}) * 20_000),
        b"\x83\x00",  # an opcode that does not exist
        b"\xc2\x00",  # a reserved bit
        websocket(b"x", Opcode.CONT),  # the continuation of nothing
        websocket(b"x", is_last=False) + websocket(b"x"),  # a message within a message
        b"\x09\x00",  # a ping in fragments
        websocket(b"\x00\x01", Opcode.CLOSE),  # a code that must not be sent
        websocket(b"\x03\xe8" + ESCAPES.encode(), Opcode.CLOSE),
        websocket(stomp("ERROR", {"message": ESCAPES.replace("\n", "").replace("\0", "")})),  # as STOMP says
    ]


def _message(subscription: str, body: bytes, **headers: object) -> bytes:
    return stomp("MESSAGE", {"destination": "MXSE.what", "subscription": subscription, **headers}, body)


def _body(columns: object, data: object, kind: object = "updates", **properties: object) -> bytes:
    return json.dumps({"properties": {"type": kind, **properties}, "columns": columns, "data": data}).encode()


def _bad_bodies() -> Iterator[bytes]:
    """No stream's body can be one of these."""
    yield from (b"", b"{", b"not JSON", b"[]", b"null", b'"text"', b"{}", b"1e999", BAD_UTF8, b'{"a": NaN}')
    good = {"properties": {"type": "snapshot"}, "columns": ["TICKER"], "data": [["SBER"]]}
    for key in good:
        yield json.dumps({name: value for name, value in good.items() if name != key}).encode()
        for wrong in ("null", "5", '"x"', "true"):
            yield json.dumps(good | {key: "WRONG"}).replace('"WRONG"', wrong).encode()
    for properties in ({}, {"type": None}, {"type": 5}, {"type": "replacement"}, {"type": ESCAPES}):
        yield json.dumps(good | {"properties": properties}).encode()
    wrong_numbers: list[Any] = [{}, [], True, [1]]
    for nonsense in wrong_numbers:
        yield json.dumps(good | {"properties": {"type": "snapshot", "seqnum": nonsense}}).encode()
        yield json.dumps(good | {"properties": {"type": "snapshot", "timestamp": nonsense}}).encode()
    yield json.dumps(good).encode() + b"}"
    yield json.dumps(good).encode().replace(b"SBER", BAD_UTF8)


def _bad_securities(subscription: SubscriptionSeen) -> Iterator[bytes]:
    name = f"MXSE.TQBR.{subscription.ticker}"
    cells: list[Any] = [True, "5", {}, [], [1], [1, 2, 3], [1, 13], [1, -1], [1, None], ["1", 2], 10**30, [10**400, 2]]
    for cell in cells:
        yield _body(["TICKER", "LAST"], [[name, cell]])
    for columns in ([], ["LAST"], ["TICKER", 5], ["TICKER", None], [["TICKER"]], ["TICKER"] + ["LAST"] * 1000):
        yield _body(columns, [[name, 1]])
    rows: list[Any] = [[], [[]], [None], [5], [[name]], [[name, 1, 2]], [["OTHER", 1]], [[None, 1]], {"a": 1}]
    yield from (_body(["TICKER", "LAST"], data) for data in rows)


def _bad_books() -> Iterator[bytes]:
    columns = ["BUYSELL", "PRICE", "QUANTITY"]
    yield from (_body(columns, [["B", [1, 0], 1]], kind) for kind in ("updates", "removal"))
    for missing in columns:
        yield _body([name for name in columns if name != missing], [[1, 1]], "snapshot")
    for row in ([], None, ["B"], ["X", [1, 0], 1], ["B", "1", 1], ["B", [1, 0], "1"], ["B", [1, 99], 1]):
        yield _body(columns, [row], "snapshot")


def _harmless(subscription: SubscriptionSeen) -> Iterator[bytes]:
    """These fit, and change the caption or a column that nobody knows."""
    name = f"MXSE.TQBR.{subscription.ticker}"
    for caption in (ESCAPES, None, "\x1b[?1049h", 5, [1, 2]):
        yield _body(["TICKER", "CAPTION"], [[name, caption]])
    yield from (_body(["CAPTION", "TICKER"], [[ESCAPES, name]], timestamp=ms, seqnum=1) for ms in FAR_MS)
    yield from (_body(["TICKER", f"{ESCAPES[:4]}{number}"], [[name, number]]) for number in range(300))


def _wrong_headers(harmless: bytes, subscription: str) -> Iterator[Poison]:
    head, _, body = harmless.partition(b"\n\n")
    for length in (b"0", b"1", b"99999", b"-1", b"x", b"1" * 50, b""):
        yield Poison(websocket(head + b"\ncontent-length:" + length + b"\n\n" + body), 1)
    for line in (b"no colon", b":", b"a:b:c", BAD_UTF8, ESCAPES[:5].encode(), b"a:\\t\\", b"subscription:other"):
        yield Poison(websocket(head + b"\n" + line + b"\n\n" + body), 1)
    for other in ("999-NOBODY", "", " " + subscription, ESCAPES[:4], "x" * 5000):
        yield Poison(websocket(_message(other, b"{}")), 1, 1)
    yield Poison(websocket(b"MESSAGE\nsubscription:" + BAD_UTF8 + b"\n\n{}\0"), 1, 1)
    yield Poison(websocket(b"MESSAGE\n\n{}\0"), 1, 1)
    yield Poison(websocket(b"MESSAGE\0"), 1, 1)


def _unfinished(harmless: bytes, subscription: str) -> Iterator[Poison]:
    """A frame without its NUL, and what comes after it: that must not be lost, however it comes."""
    begun = f"MESSAGE\nsubscription:{subscription}\n\n{{broken".encode()
    for start in (b"", b"\n", b"\r\n\n"):
        yield Poison(websocket(begun) + websocket(start + harmless), 2, 1)
    yield Poison(websocket(begun) + websocket(b"\n") + websocket(harmless), 2, 1)
    yield Poison(websocket(begun) + _in_fragments(harmless, 3), 2, 1)
    yield from (Poison(websocket(begun) + _in_messages(harmless, pieces), 2, 1) for pieces in (2, 40, len(harmless)))
    yield Poison(websocket(begun) + websocket(begun) + websocket(harmless), 3, 2)


def _unknown_frames() -> Iterator[Poison]:
    for command in ("WHAT", ESCAPES[:8], "message", "SEND", "CONNECTED", "RECEIPT", "REPLY", "CLOSED", "HEARTBEAT"):
        yield Poison(websocket(stomp(command, {"x": ESCAPES[:4]}, BAD_UTF8)), misfits=1)
    yield Poison(websocket(BAD_UTF8 + b"\n\n\0"), misfits=1)
    yield Poison(websocket(stomp("RECEIPT", {"receipt-id": "999-NOBODY"})), misfits=1)
    yield Poison(websocket(stomp("CLOSED", {"subscription": ESCAPES[:4]})), misfits=1)
    for about in ("request-id", "subscription"):
        yield Poison(websocket(stomp("ERROR", {about: "999-NOBODY", "message": ESCAPES[:9]})), misfits=1)


def _refusals(subscription: str) -> Iterator[Poison]:
    """The next message of the subscription tells that it is there all the same."""
    said = "x".join(ESCAPES.replace("\n", "").replace("\0", ""))
    yield Poison(websocket(stomp("ERROR", {"subscription": subscription, "message": said})))
    yield Poison(websocket(stomp("CLOSED", {"subscription": subscription, "message": said})))


def _in_fragments(frame: bytes, pieces: int) -> bytes:
    """One message: fragments, some of them empty, with a ping after each."""
    parts = _cut(frame, pieces)
    messages = [websocket(parts[0], is_last=False)]
    messages += [websocket(part, Opcode.CONT, is_last=False) + websocket(b"", Opcode.PING) for part in parts[1:]]
    return b"".join([*messages, websocket(b"", Opcode.CONT)])


def _in_messages(frame: bytes, pieces: int) -> bytes:
    return b"".join(map(websocket, _cut(frame, pieces)))


def _cut(data: bytes, pieces: int) -> list[bytes]:
    size = -(-len(data) // pieces)
    return [data[start : start + size] for start in range(0, len(data), size)]
