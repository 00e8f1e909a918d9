"""What fuzzing begins with: bytes as they usually come, and pieces that matter."""

import json
from collections.abc import Callable, Iterator
from random import Random

from websockets.frames import Opcode

from shared import handshake
from shared.wire import Request, encode
from tests.drills.fuzz.serving import SEPARATOR, known_market
from tests.fakes.pages import CALENDAR_PATH, SECURITIES_PATH, rest_page
from tests.fakes.shares import BOARD, STREAMS, Share, body
from tests.fakes.wire import packed, stomp, websocket

PIECES = [
    *(command + b"\n" for command in (b"MESSAGE", b"RECEIPT", b"ERROR", b"CONNECTED", b"REPLY", b"CLOSED")),
    *(b"subscription:0-SBER\n", b"receipt-id:1-SBER\n", b"message:x\n", b"content-length:9\n", b"\n\n", b"\0"),
    *(b"\r\n\r\n", b"\\c\\n", b"\xff\xfe", b"\x82\x7e", b"\x81\x05", b"\x02\x03", b"\x80\x00", b"\x89\x00"),
    *(b"\x8a\x00", b"\x88\x02\x03\xe8", b"\x82\x7f", b"\x82\x01M", b"\x82\x01E"),
    *(b"null", b"1e999", b"-1", b"true", b"[306.12,2]", b"[1,13]", b"[null,2]", b"9223372036854775808", b"[[[[[[[["),
    *(b'"columns":[', b'"data":[[', b'"properties":{"type":"snapshot"', b'"updates"', b'"removal"', b'"seqnum":'),
    *(b'"timestamp":4070908800000', b'"TICKER"', b'"BUYSELL","PRICE","QUANTITY"', b'"B"', b'"MXSE.TQBR.SBER"'),
    *(b'"FROM"', b'"CAPTION"', b'"\\u001b[2J"', b'"\\ud800"', b'"SECID"', b'{"securities":'),
    *(b'"timetable"', b'"dailytable"', b'"week_day"', b'"is_work_day"', b'"start_time"', b'"23:59:59"'),
    *(b'"date"', b'"2026-01-22"', b'"stop_time"', b'"09:50:00"', b"]]}", b',"dailytable":{"columns":'),
    *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 101 x\r\n", b"HTTP/1.1 302 x\r\n", b"Content-Length: 5\r\n", b"{accept}"),
    *(b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n", b"Connection: Upgrade\r\n", b"{proxy}"),
    *(b"GET /metrics", b"Accept: application/openmetrics-text;version=1.0.0\r\n", b"?name[]=", b" HTTP/1.0\r\n\r\n"),
    *(b"CONNECT\n", b"SUBSCRIBE\n", b"id:1\n", b'selector:TICKER="MXSE.TQBR.SBER"\n', b"destination:SEARCH.ticker\n"),
]

UPGRADED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: STOMP\r\n\r\n"
)
TUNNEL = b"HTTP/1.1 200 Connection established\r\nVia: proxy\r\n\r\n{proxy}"


def _shares() -> list[Share]:
    return [Share(secid, number, Random(number)) for number, secid in enumerate(("SBER", "VEON-RX"))]


def _securities() -> bytes:
    return rest_page(f"{SECURITIES_PATH.format(board=BOARD)}?iss.only=securities", _shares()) or b""


def _calendars() -> Iterator[bytes]:
    yield rest_page(CALENDAR_PATH, []) or b""
    columns = ["date", "is_work_day", "start_time", "stop_time"]
    days = [["2026-01-22", 1, "00:00:00", "23:59:59"], ["2026-01-23", 0, None, None], ["x", 1, "10:00:00", "09:00:00"]]
    week = {"columns": ["week_day", *columns[1:]], "data": [[day, 1, "09:50:00", "23:50:00"] for day in range(1, 8)]}
    yield json.dumps({"timetable": week, "dailytable": {"columns": columns, "data": days}}).encode()


def _pages() -> Iterator[bytes]:
    yield _securities()
    rows = [["SBER", 10], ["VEON-RX", 1], [None, 2]]
    yield json.dumps({"securities": {"columns": ["SECID", "LOTSIZE"], "data": rows}}).encode()


ESCAPES = "\x1b[2J\x9bq\u202e"


def _bodies() -> Iterator[bytes]:
    caption = {"columns": ["TICKER", "CAPTION", ESCAPES], "data": [["SBER", ESCAPES, [ESCAPES]]]}
    yield b"\1" + json.dumps({"properties": {"type": "updates"}, **caption}).encode()
    for index, stream in enumerate(STREAMS):
        share = _shares()[0]
        for number, table in enumerate([share.snapshot(stream), *(share.next(stream) for _ in range(6))]):
            yield bytes([index]) + body(
                table, seqnum=5, now_ms=1_769_064_680_123, is_quoted=number % 2 == 1, is_published=True
            )


def _frames() -> list[bytes]:
    return [
        stomp("MESSAGE", {"destination": "MXSE.orderbooks", "subscription": "7-SBER"}, b"{}" + b"x" * 150),
        stomp("MESSAGE", {"subscription": "7-SBER", "content-length": 2}, b"{}"),
        stomp("RECEIPT", {"receipt-id": "7-SBER"}),
        stomp("ERROR", {"subscription": "7-SBER", "message": "Access denied"}),
    ]


def _streams() -> Iterator[bytes]:
    """Whole, cut into single bytes, and with small limits."""
    random, frames = Random(1), _frames()
    for number in range(20):
        yield bytes([0x80 * (number % 2), 40, *random.choices(range(256), k=3)]) + packed(
            random.choices(frames, k=5), random
        )
    unfinished = websocket(frames[0][:-1]) + websocket(b"\n" + frames[1]) + websocket(b"x", Opcode.PING)
    letters = websocket(frames[0][:-1]) + b"".join(websocket(frames[1][at : at + 1]) for at in range(len(frames[1])))
    mixed = websocket(b"MESSAGE\nsubscription:7\nx:y\r\n\r\nbody\n\nmore\0")
    long = websocket(b"MESSAGE\nsubscription:7\n" + b"a:b\n" * 30 + b"\n{}\0") + websocket(b"\0" * 9)
    endless = websocket(b"x" * 150, is_last=False) + websocket(b"x" * 150, Opcode.CONT, is_last=False) * 3
    several = b"".join(websocket(stomp("MESSAGE", {"subscription": n}, b"x" * 130)) for n in (1, 2, 3, 1, 2, 3))
    parts = (
        unfinished,
        letters,
        mixed,
        long,
        endless,
        websocket(b"x" * 150) * 4,
        several,
        websocket(b"", Opcode.CLOSE),
    )
    for start in (b"\0\xff\xff\xff\xff", b"\0\0\0\0\0", b"\x80\xff\xff\xff\xff", b"\x80\0\1\0\2"):
        yield from (start + stream for stream in parts)


def _answers() -> Iterator[bytes]:
    """STOMP frames of subscriptions, each with a number for whoever chooses by it."""
    messages = [
        stomp("MESSAGE", {"subscription": f"{index}-SBER"}, content[1:])
        for index in range(len(STREAMS))
        for content in _bodies()
        if content[0] == index
    ]
    told = [
        stomp("RECEIPT", {"receipt-id": "0-SBER"}),
        stomp("ERROR", {"subscription": "1-SBER", "message": "no"}),
        stomp("ERROR", {"receipt-id": "2-SBER", "message": "no"}),
        stomp("CLOSED", {"subscription": "0-SBER", "message": ESCAPES}),
        stomp("REPLY", {"request-id": 1}, b"{}"),
        stomp("MESSAGE", {"destination": "MXSE.what"}, b"{}"),
        stomp("MESSAGE", {"subscription": "99-NONE"}, b"{}"),
    ]
    yield from (b"\1" + b"".join(told[start:]) for start in range(len(told)))
    yield from (b"\17" + messages[number] + b"".join(told) + messages[number] for number in range(0, 21, 3))
    yield b"\17" + b"".join(messages[:3])


def _connections() -> Iterator[bytes]:
    greetings = [
        stomp("CONNECTED", {"server": "moex-monitor-simulator/1"}, b"{}"),
        stomp("ERROR", {"message": ESCAPES}),
        stomp("ERROR", {"message": "gateway.timeout"}),
    ]
    frames = [answers[1:] for answers in _answers()]
    for flags in range(4):
        yield from (bytes([flags]) + b"\xff\x40\xff\xff" + part for part in frames[flags::4])
    yield from (b"\0\xff\xff\xff\xff" + greeting + frames[0] for greeting in greetings)
    pings = b"\xff" + websocket(b"x", Opcode.PING) + websocket(b"y", Opcode.PING) + b"\0"
    closing = b"\xff" + websocket(b"\3\xe8bye", Opcode.CLOSE) + b"\0"
    yield from (bytes([flags, 2, 9, 2, 9]) + pings + frames[0] + pings + closing + frames[0] for flags in (1, 3))
    yield b"\1\xff\xff\xff\xff" + stomp("RECEIPT", {"receipt-id": "disconnect"}) + frames[0]


def _upgrades() -> Iterator[bytes]:
    message = websocket(_frames()[0])
    yield from (UPGRADED, UPGRADED + message, TUNNEL + UPGRADED, TUNNEL + UPGRADED + message)
    yield UPGRADED.replace(b"101 Switching Protocols", b"302 Found\r\nLocation: http://other.example/")
    yield b"HTTP/1.1 \x1b[2J\r\n\r\n{proxy}" + UPGRADED
    yield b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"
    yield b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n{proxy}" + UPGRADED
    yield UPGRADED.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=1; Domain=example\r\nSet-Cookie: b=2\r\n\r\n")


def _http() -> Iterator[bytes]:
    for what, content in ((b"\0", _securities()), (b"\xff", next(_calendars()))):
        yield what + b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content
        yield what + b"HTTP/1.1 200 OK\r\n\r\n" + content
        chunk = b"%x\r\n" % len(content) + content + b"\r\n0\r\n\r\n"
        yield what + b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk
    yield b"\0HTTP/1.1 503 Busy\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n"
    yield b"\0HTTP/1.1 302 Found\r\nLocation: http://other.example/\r\nContent-Length: 0\r\n\r\n"
    yield b"\0HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd"


def _viewers() -> Iterator[bytes]:
    requests = [encode(Request.NEXT), encode(Request.NEXT), encode(Request.QUIT), encode(Request.NEXT)]
    for is_brief in (True, False):
        said = [handshake.hello(is_brief=is_brief), *requests]
        yield b"\xff" + SEPARATOR.join(said)
        yield b"\0" + b"".join(len(part).to_bytes(4, "big") + part for part in said)
    yield b"\xff" + handshake.hello(is_brief=True) + SEPARATOR + b"\xc0"


def _services() -> Iterator[bytes]:
    market = known_market()
    pictures = [encode(market.picture(since=-1)), encode(market.packed_picture(since=market.revision))]
    for said in ([handshake.welcome(7), *pictures], [handshake.welcome(7, "full")], [b"\xc0"]):
        yield b"\xff" + SEPARATOR.join(said)
        yield b"\0" + b"".join(len(part).to_bytes(4, "big") + part for part in said)


def _scrapes() -> Iterator[bytes]:
    for accept in (b"*/*", b"application/openmetrics-text;version=1.0.0;escaping=dots;q=0.5,text/plain;version=0.0.4"):
        yield b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: " + accept + b"\r\nAccept-Encoding: gzip\r\n\r\n"
    yield b"GET /metrics?name[]=moex_messages_total HTTP/1.0\r\n\r\n"
    yield from (b"GET / HTTP/1.1\r\n\r\n", b"GET /metrics\r\n")
    yield b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"


def _clients() -> Iterator[bytes]:
    login = stomp("CONNECT", {"domain": "DEMO", "login": "guest", "passcode": "guest"})
    wanted = {"id": 1, "receipt": 2, "destination": "MXSE.orderbooks", "selector": 'TICKER="MXSE.TQBR.SBER"'}
    asking = stomp("SUBSCRIBE", wanted) + stomp("UNSUBSCRIBE", {"id": 1, "receipt": 3})
    candles = stomp("SUBSCRIBE", wanted | {"destination": "MXSE.candles"})
    search = stomp("REQUEST", {"id": 5, "destination": "SEARCH.ticker", "selector": 'pattern="SB"'})
    others = stomp("SEND", {"content-length": 2}, b"ab") + b"\n\n" + stomp("DISCONNECT", {"receipt": 9})
    yield from (b"\xff\x10" + login + part for part in (asking, candles + asking, search, others, b"\r\n"))
    yield b"\0/iss/engines/stock.json?iss.only=timetable"
    yield b"\0/iss/engines/stock/markets/shares/boards/TQBR/securities.json?securities.columns=SECID&iss.meta=off"


SEEDS: dict[str, Callable[[], Iterator[bytes]]] = {
    "split": _streams,
    "body": _bodies,
    "intake": _answers,
    "connection": _connections,
    "upgrade": _upgrades,
    "page": _pages,
    "calendar": _calendars,
    "iss": _http,
    "viewer": _viewers,
    "picture": _services,
    "scrape": _scrapes,
    "exchange": _clients,
}


def seeds_of(target: str) -> list[bytes]:
    """The first bytes are what the target chooses by."""
    return list(SEEDS[target]())


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
