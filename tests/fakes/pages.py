"""What the tests' gateway answers besides quotes: the REST pages of ISS and the body of CONNECTED. Pure."""

from collections.abc import Iterable
from urllib.parse import parse_qs, urlsplit

import msgspec

from tests.fakes.shares import BOARD, BOOK_COLUMNS, CANDLE_COLUMNS, FIELD_COLUMNS, Share

REST_ROOT = "/iss"
SECURITIES_PATH = f"{REST_ROOT}/engines/stock/markets/shares/boards/{{board}}/securities.json"
CALENDAR_PATH = f"{REST_ROOT}/engines/stock.json"


class Page(msgspec.Struct):
    """One table of an ISS answer."""

    columns: list[str]
    data: list[list[object]]


def rest_page(target: str, shares: Iterable[Share]) -> bytes | None:
    """The JSON under an HTTP request target; None when there is no such page."""
    path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
    board = path.removeprefix(SECURITIES_PATH.partition("{")[0]).partition("/")[0]
    if path == SECURITIES_PATH.format(board=board):
        listed = list(shares) if board == BOARD else []
        tables = {"marketdata": _marketdata(listed), "securities": _securities(listed)}
    elif path == CALENDAR_PATH:
        tables = {"timetable": _timetable()}
    else:
        return None
    wanted = ",".join(query.get("iss.only", tables)).split(",")
    return msgspec.json.encode(
        {name: _selected(table, query.get(f"{name}.columns")) for name, table in tables.items() if name in wanted}
    )


def connected_body() -> bytes:
    """Shaped and sized like the exchange's: more than 100 kB, with Cyrillic, so that it never fits one read."""
    streams = [
        {
            "name": name,
            "access": "general",
            "output": [{"name": column, "caption": _caption(column)} for column in columns],
        }
        for name, columns in (("candles", CANDLE_COLUMNS), ("orderbooks", BOOK_COLUMNS), ("securities", FIELD_COLUMNS))
    ]
    values = [{"id": str(number), "caption": _caption(f"Operations of kind {number}")} for number in range(70)]
    structure = {
        market: {"streams": streams, "enums": [{"name": "TTradingStatus", "values": values}]}
        for market in ("INDICES", "MXCX", "MXSE", "FORTS", "OPTIONS", "MONEY", "CBRF", "SRATES", "FIXING")
    }
    return msgspec.json.encode({"version": {"version.note": "the gateway of the tests"}, "structure": structure})


def _caption(text: str) -> dict[str, str]:
    return {"en": text, "ru": f"Описание поля «{text}»"}


def _securities(shares: list[Share]) -> Page:
    return Page(
        ["LOTSIZE", "SHORTNAME", "DECIMALS", "PREVPRICE", "SECID", "BOARDID"],
        [[s.lot_size, f"Акция {s.secid}", s.decimals, s.field("PREVPRICE"), s.secid, BOARD] for s in shares],
    )


def _marketdata(shares: list[Share]) -> Page:
    return Page(["LAST", "SECID"], [[s.field("LAST"), s.secid] for s in shares])


def _timetable() -> Page:
    columns = ["start_time", "week_day", "is_work_day", "stop_time"]
    return Page(columns, [["10:00:00", day, 1, "18:40:00"] for day in range(1, 6)])


def _selected(page: Page, wanted: list[str] | None) -> Page:
    """Only the wanted columns, in the order of the page and not of the wish: ISS promises no order."""
    if wanted is None:
        return page
    names = ",".join(wanted).split(",")
    kept = [index for index, column in enumerate(page.columns) if column in names]
    return Page([page.columns[i] for i in kept], [[row[i] for i in kept] for row in page.data])
