"""The summary has the documented shape, tells numbers as numbers, and replaces its file at once."""

import json
import os
import resource
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from collector.summary import summary, write
from shared.book import book_of
from shared.market import Market
from shared.quotes import Quote, Stamp
from shared.wire import ConnectionState, ConnectionStatus, Counters, Event, QuoteBatch, Totals, WorkerReport

STARTED = 1000.0
NOW = 1100.0
DOCUMENTED = {
    "runtime_s": float,
    "messages": int,
    "updates": int,
    "rate_msg_s": float,
    "connections": {"online": int, "total": int},
    "subscriptions": {"planned": int, "confirmed": int, "refused": int},
    "tickers": {"planned": int, "seen": int, "with_prices": int},
    "reconnects": int,
    "worker_restarts": int,
    "simulated": bool,
    "latency_ms": {"p50": float, "p99": float},
    "quotes": dict,
    "events": list,
}


def totals() -> Totals:
    return Totals(started_at=STARTED, connections=2, tickers_per_connection=3, gateway="test", is_simulated=True)


def status(number: int, state: ConnectionState, confirmed: int, refused: int) -> ConnectionStatus:
    counters = Counters(messages=100, updates=90, conflated=5, decode_errors=1, bytes=10_000, reconnects=2)
    return ConnectionStatus(number, 0, state, "", STARTED, 3, confirmed, refused, total=counters)


@pytest.fixture
def market() -> Market:
    """Two connections, of which one is online; SBER with all values, GAZP with a book only, T with nothing."""
    market = Market(totals())
    statuses = [status(0, ConnectionState.ONLINE, 3, 0), status(1, ConnectionState.WAITING, 1, 2)]
    market.plan([status(0, ConnectionState.WAITING, 0, 0), status(1, ConnectionState.WAITING, 0, 0)], 5, "ISS")
    market.report(WorkerReport(0, statuses, [Event(1e9, "worker 1", "hello")]))
    sber = Quote("SBER", 7, fields={"BID": [306.12, 2], "LAST": [306.1, 2], "VOLTODAY": [0, 0]}, fields_at=1098.5)
    gazp = Quote("GAZP", 2, book_of([], [(0.02345, 1)], 5), 1099.0)
    market.apply(QuoteBatch(0, [sber, gazp, Quote("T", 0)]), 0.0)
    market.totals.worker_restarts = 4
    market.sample(NOW)
    return market


def check_shape(found: Any, documented: Any) -> None:
    if isinstance(documented, dict):
        for key, value in documented.items():
            check_shape(found[key], value)
    elif found is not None:
        assert type(found) is documented, (found, documented)


def test_the_object_has_the_documented_keys_and_types(market: Market) -> None:
    found = json.loads(json.dumps(summary(market, NOW)))
    check_shape(found, DOCUMENTED)
    assert list(found["quotes"]["SBER"]) == ["bid", "ask", "last", "volume", "updates", "age_s"]
    assert found["events"] == [{"time": 1e9, "source": "worker 1", "text": "hello"}]


def test_the_figures_are_those_of_the_market(market: Market) -> None:
    found = summary(market, NOW)
    assert (found["runtime_s"], found["messages"], found["updates"], found["rate_msg_s"]) == (100.0, 200, 180, 2.0)
    assert found["connections"] == {"online": 1, "total": 2}
    assert found["subscriptions"] == {"planned": 6, "confirmed": 4, "refused": 2}
    assert found["tickers"] == {"planned": 5, "seen": 3, "with_prices": 2}
    assert (found["reconnects"], found["worker_restarts"], found["simulated"]) == (4, 4, True)


def test_what_is_unknown_is_null_and_zero_is_zero(market: Market) -> None:
    found = summary(market, NOW)
    nothing = {"bid": None, "ask": None, "last": None, "volume": None, "updates": 0, "age_s": None}
    sber = {"bid": 306.12, "ask": None, "last": 306.1, "volume": 0, "updates": 7, "age_s": 1.5}
    gazp = nothing | {"ask": 0.02345, "updates": 2, "age_s": 1.0}
    assert found["quotes"] == {"GAZP": gazp, "SBER": sber, "T": nothing}
    assert found["latency_ms"] == {"p50": None, "p99": None}


def test_the_longest_silences_are_told_longest_first(market: Market) -> None:
    assert summary(market, NOW)["longest_silences"] == [
        {"ticker": "SBER", "duration_s": 1.5},
        {"ticker": "GAZP", "duration_s": 1.0},
    ]


def test_latency_is_told_in_milliseconds_once_it_is_known(market: Market) -> None:
    for seqnum in range(2):
        quote = Quote("SBER", 1, fields={}, fields_at=NOW, fields_stamp=Stamp(1e12 + seqnum, seqnum))
        market.apply(QuoteBatch(0, [quote]), 1e12 + seqnum + 20)
    market.sample(NOW)
    latency = summary(market, NOW)["latency_ms"]
    assert latency == {"p50": pytest.approx(20, rel=0.06), "p99": pytest.approx(20, rel=0.06)}


def test_a_run_that_ended_before_it_began_has_a_summary_too() -> None:
    found = summary(Market(totals()), STARTED)
    check_shape(found, DOCUMENTED)
    assert (found["messages"], found["rate_msg_s"], found["quotes"], found["events"]) == (0, 0.0, {}, [])


# ---- the file


def test_the_file_is_one_json_object_that_others_may_read(market: Market, tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    content = summary(market, NOW)
    write(path, content)
    assert json.loads(path.read_bytes()) == json.loads(json.dumps(content))
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_finds_the_old_file_or_the_whole_new_one(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    write(path, {"messages": 1})
    with path.open() as reader:
        write(path, {"messages": 2})
        assert json.load(reader) == {"messages": 1}
    assert json.loads(path.read_text()) == {"messages": 2}


def test_a_relative_path_is_written_where_the_program_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("summary.json"), {})
    assert json.loads((tmp_path / "summary.json").read_text()) == {}


def test_a_folder_that_is_not_there_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        write(tmp_path / "gone" / "summary.json", {})


def test_a_file_that_cannot_be_replaced_is_an_oserror_and_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "summary.json"
    target.mkdir()
    with pytest.raises(OSError, match="directory"):
        write(target, {})
    assert list(tmp_path.iterdir()) == [target]


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_is_full_is_an_oserror_and_leaves_the_old_file(market: Market, tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    write(path, {"messages": 1})
    with file_size_limit(20), pytest.raises(OSError, match="too large"):
        write(path, summary(market, NOW))
    assert json.loads(path.read_text()) == {"messages": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_an_unwritable_folder_is_an_oserror(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        write(tmp_path / "summary.json", {})
    assert list(tmp_path.iterdir()) == []


def test_numbers_stay_numbers_in_the_file(market: Market, tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    write(path, summary(market, time.monotonic()))
    found = json.loads(path.read_text())
    check_shape(found, DOCUMENTED)
    assert type(found["quotes"]["SBER"]["bid"]) is float
