"""The market of the tests' gateway: instruments, and what is told of them. Pure: no clock, no socket.

A Share changes only by what is told (`next_*`), so that a late subscriber's snapshot equals the sum of all that earlier
subscribers were told: whoever listened to any of them knows the same truth.
"""

from itertools import islice, product
from random import Random
from string import ascii_uppercase
from typing import Literal, NamedTuple

import msgspec

BOARD = "TQBR"
ODD_SECIDS = ("VEON-RX", "X5", "T", "SiZ6", "SBER", "SBERP", "GAZP", "LKOH", "YDEX", "VTBR")
SHARE_COUNT = 258

FIELD_COLUMNS = (
    "TICKER CAPTION LAST CHANGE BID OFFER HIGH LOW HIGHBID LOWOFFER BIDDEPTHT OFFERDEPTHT VOLTODAY VALTODAY NUMTRADES "
    "LCLOSEPRICE LCURRENTPRICE PREVPRICE WAPRICE PREVWAPRICE PRICEMINUSPREVWAPRICE QTY VALUE BASEPRICE MARKETPRICE "
    "CURRENCYID SETTLECODE SETTLEDATE1 SETTLEDATE2 LOTSIZE FACEUNIT FACEVALUE ISSUESIZE ADMITTEDQUOTE TRADINGSTATUS "
    "STATUS DPVALINDICATORBUY DPVALINDICATORSELL TIME MINSTEP PRICEMINSTEP"
).split()
BOOK_COLUMNS = ("BUYSELL", "PRICE", "QUANTITY", "REPOVALUE")
CANDLE_COLUMNS = ("FROM", "TILL", "OPEN", "HIGH", "LOW", "CLOSE", "VALUE", "VOLUME")

Stream = Literal["orderbooks", "securities", "candles"]
STREAMS: tuple[Stream, ...] = ("orderbooks", "securities", "candles")

Fixed = tuple[float, int]
Cell = Fixed | int | float | str | None


class Table(NamedTuple):
    """The content of one MESSAGE."""

    kind: Literal["snapshot", "updates"]
    columns: list[str]
    data: list[list[Cell]]


def secids() -> list[str]:
    """The SECIDs of the market: names that break careless parsers, and names that no other list holds."""
    made_up = ("Q" + "".join(letters) for letters in product(ascii_uppercase, repeat=3))
    return [*ODD_SECIDS, *islice(made_up, SHARE_COUNT - len(ODD_SECIDS))]


def body(table: Table, *, seqnum: int, now_ms: int, is_quoted: bool, is_published: bool) -> bytes:
    """The JSON of a MESSAGE. `is_quoted` shows numbers as text, as the documentation does."""
    properties: dict[str, object] = {
        "type": table.kind,
        "seqnum": str(seqnum) if is_quoted else seqnum,
        "timestamp": str(now_ms) if is_quoted else now_ms,
    }
    if is_published:
        properties["published"] = now_ms - 3
    return msgspec.json.encode({"properties": properties, "columns": table.columns, "data": table.data})


class Share:
    """One instrument. Inside, prices are whole steps of 10 ** -decimals."""

    def __init__(self, secid: str, number: int, random: Random) -> None:
        self.secid = secid
        self.decimals = number % 7
        self.lot_size = 10 ** (number % 4)
        self.is_quoted = number % 8 == 5
        self._random = random
        self._middle = random.randint(300, 300_000)
        self._opening = self._middle
        self._trades = 0
        self._volume = random.randint(0, 10**6) if number % 6 else 0
        self._book = self._new_book()
        self._fields = self._first_fields(has_traded=number % 6 != 0, is_volume_known=number % 12 != 0)
        self._minute = 600

    @property
    def best_bid(self) -> float | None:
        """Of the last order book told; None when that had no bids."""
        bids = [steps for side, steps, _ in self._book if side == "B"]
        return self._value(max(bids)) if bids else None

    @property
    def best_ask(self) -> float | None:
        asks = [steps for side, steps, _ in self._book if side == "S"]
        return self._value(min(asks)) if asks else None

    def field(self, column: str) -> float | None:
        """The number that was last told in a column of the securities stream."""
        cell = self._fields[column]
        return float(cell[0]) if isinstance(cell, tuple) else None if cell is None else float(cell)

    def snapshot(self, stream: Stream) -> Table:
        """All that was told so far."""
        match stream:
            case "orderbooks":
                return self._book_table()
            case "securities":
                return Table("snapshot", list(self._fields), [list(self._fields.values())])
            case "candles":
                return Table(
                    "snapshot", list(CANDLE_COLUMNS), [self._candle(self._minute - back) for back in (2, 1, 0)]
                )

    def next(self, stream: Stream) -> Table:
        """Let something happen, and tell it."""
        self._middle = max(300, self._middle + self._random.randint(-3, 3))
        match stream:
            case "orderbooks":
                self._book = self._new_book()
                return self._book_table()
            case "securities":
                return self._fields_table(self._new_fields())
            case "candles":
                self._minute += 1
                return Table("updates", list(CANDLE_COLUMNS), [self._candle(self._minute)])

    def enter(self, trading_status: str) -> Table:
        """Let it be in that phase, and tell it."""
        return self._fields_table({"TRADINGSTATUS": trading_status})

    def _value(self, steps: int) -> float:
        return round(steps / 10**self.decimals, self.decimals) if self.decimals else steps

    def _fixed(self, steps: int) -> Fixed:
        return self._value(steps), self.decimals

    def _new_book(self) -> list[tuple[str, int, int | None]]:
        random, depth = self._random, self._random.randint(10, 14)
        bids = [self._middle - random.randint(1, 2) - 2 * level for level in range(depth)]
        asks = [self._middle + random.randint(0, 1) + 2 * level for level in range(depth)]
        sides = random.choices((("B", "S"), ("B",), ("S",), ()), (100, 1, 1, 0.2))[0]
        book: list[tuple[str, int, int | None]] = []
        for side, prices in (("B", reversed(bids)), ("S", asks)):
            if side in sides:
                book += [(side, steps, random.randrange(1, 10_000)) for steps in prices]
        if book and random.random() < 0.02:
            side, steps, _ = book[0]
            book[0] = side, steps, None
        return book

    def _book_table(self) -> Table:
        random = self._random
        rows: list[list[Cell]] = [[side, self._fixed(steps), lots, None] for side, steps, lots in self._book]
        columns = list(BOOK_COLUMNS)
        if random.random() < 0.1:
            random.shuffle(rows)
        if random.random() < 0.1:
            columns.reverse()
            rows = [row[::-1] for row in rows]
        return Table("snapshot", columns, rows)

    def _first_fields(self, *, has_traded: bool, is_volume_known: bool) -> dict[str, Cell]:
        price = self._fixed(self._middle)
        fields: dict[str, Cell] = dict.fromkeys(FIELD_COLUMNS)
        fields |= {
            "TICKER": f"MXSE.{BOARD}.{self.secid}",
            "CAPTION": f"Акция {self.secid}",
            "LAST": price if has_traded else None,
            "BID": self._fixed(self._middle - 1),
            "OFFER": self._fixed(self._middle + 1),
            "VOLTODAY": (self._volume, 0) if is_volume_known else None,
            "VALTODAY": self._volume * 7,
            "NUMTRADES": self._trades,
            "PREVPRICE": price,
            "CURRENCYID": "SUR",
            "LOTSIZE": self.lot_size,
            "TRADINGSTATUS": "T",
            "TIME": "10:00:00",
            "MINSTEP": (self._value(1), self.decimals),
        }
        return fields

    def _new_fields(self) -> dict[str, Cell]:
        random = self._random
        depth: dict[str, Cell] = {"BIDDEPTHT": random.randrange(10**7)}
        roll = random.random()
        if roll < 0.4:
            return depth
        if roll < 0.6:
            return depth | {
                "BID": self._fixed(self._middle - 1),
                "OFFER": self._fixed(self._middle + 1),
                "HIGHBID": None,
            }
        return self._trade() | (depth if roll < 0.8 else {})

    def _trade(self) -> dict[str, Cell]:
        random, self._trades = self._random, self._trades + 1
        self._volume += random.randrange(1, 100) * self.lot_size
        second = 36_000 + self._trades
        return {
            "LAST": self._fixed(self._middle),
            "CHANGE": self._fixed(self._middle - self._opening),
            "VOLTODAY": (self._volume, 0) if random.random() < 0.9 else self._volume,
            "VALTODAY": self._volume * 7,
            "NUMTRADES": self._trades,
            "WAPRICE": self._value(self._middle),
            "LCLOSEPRICE": None,
            "TIME": f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}",
        }

    def _fields_table(self, changes: dict[str, Cell]) -> Table:
        self._fields |= changes
        columns = ["TICKER", *changes]
        self._random.shuffle(columns)
        return Table("updates", columns, [[self._fields[column] for column in columns]])

    def _candle(self, minute: int) -> list[Cell]:
        start = f"2026-01-22 {minute // 60 % 24:02}:{minute % 60:02}"
        price = self._fixed(self._middle)
        return [f"{start}:00", f"{start}:59", price, price, price, price, (minute * 10, 0), minute]
