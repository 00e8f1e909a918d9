"""What fuzzing begins with: bytes as the exchange sends them, and pieces that matter."""

import json
from random import Random

from websockets.frames import Opcode

from tests.fakes.shares import STREAMS, Share, body
from tests.fakes.wire import packed, stomp, websocket

PIECES = [
    *(command + b"\n" for command in (b"MESSAGE", b"RECEIPT", b"ERROR", b"CONNECTED", b"REPLY", b"CLOSED")),
    *(b"subscription:7-SBER\n", b"content-length:9\n", b"\n\n", b"\0", b"\r\n\r\n", b"\\c\\n", b"\xff\xfe"),
    *(b"\x82\x7e", b"\x81\x05", b"\x02\x03", b"\x80\x00", b"\x89\x00", b"\x8a\x00", b"\x88\x02\x03\xe8", b"\x82\x7f"),
    *(b"null", b"1e999", b"-1", b"true", b"[306.12,2]", b"[1,13]", b"[null,2]", b"9223372036854775808", b"[[[[[[[["),
    *(b'"columns":[', b'"data":[[', b'"properties":{"type":"snapshot"', b'"updates"', b'"removal"', b'"seqnum":'),
    *(b'"timestamp":4070908800000', b'"TICKER"', b'"BUYSELL","PRICE","QUANTITY"', b'"B"', b'"MXSE.TQBR.SBER"'),
    *(b'"FROM"', b'"CAPTION"', b'"\\u001b[2J"', b'"\\ud800"', b'"SECID"', b'{"securities":'),
]


def seeds_of(target: str) -> list[bytes]:
    """The first bytes are what the target chooses by."""
    match target:
        case "split":
            return _streams()
        case "body":
            return [bytes([index]) + content for index, stream in enumerate(STREAMS) for content in _bodies(stream)]
        case _:
            rows = [["SBER", 10], ["VEON-RX", 1], [None, 2]]
            return [json.dumps({"securities": {"columns": ["SECID", "LOTSIZE"], "data": rows}}).encode()]


def _bodies(stream: object) -> list[bytes]:
    share = Share("SBER", 1, Random(1))
    name = next(one for one in STREAMS if one == stream)
    tables = [share.snapshot(name), *(share.next(name) for _ in range(6))]
    return [
        body(table, seqnum=5, now_ms=1_769_064_680_123, is_quoted=index % 2 == 1, is_published=True)
        for index, table in enumerate(tables)
    ]


def _streams() -> list[bytes]:
    frames = [
        stomp("MESSAGE", {"destination": "MXSE.orderbooks", "subscription": "7-SBER"}, b"{}" + b"x" * 150),
        stomp("MESSAGE", {"subscription": "7-SBER", "content-length": 2}, b"{}"),
        stomp("RECEIPT", {"receipt-id": "7-SBER"}),
        stomp("ERROR", {"subscription": "7-SBER", "message": "Access denied"}),
    ]
    random = Random(1)
    together = [b"\x00\x20" + packed(random.choices(frames, k=5), random) for _ in range(20)]
    unfinished = websocket(frames[0][:-1]) + websocket(b"\n" + frames[1]) + websocket(b"x", Opcode.PING)
    return [*together, b"\xff\xff" + unfinished, b"\x00\x00" + unfinished]


def mutated(seeds: list[bytes], random: Random) -> bytes:
    """Without a coverage to be guided by: a seed with up to five damages."""
    data = bytearray(random.choice(seeds))
    for _ in range(random.randint(1, 5)):
        at = random.randrange(len(data) + 1)
        match random.randrange(4):
            case 0:
                data[at : at + random.randint(0, 6)] = random.choice(PIECES)
            case 1:
                del data[at : at + random.randint(1, 12)]
            case 2 if at < len(data):
                data[at] = random.randrange(256)
            case _:
                start = random.randrange(len(data) + 1)
                data[at:at] = data[start : start + random.randint(1, 40)]
    return bytes(data)
