"""Whatever the network does to a connection is noticed in time, told, and mended."""

import os
import re
import signal
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.collector.authority import Authority
from tests.drills.conftest import StartDrill
from tests.drills.drill import CONFIG, Drill, Record
from tests.fakes.behaviour import Behaviour
from tests.fakes.forwarder import Forwarder
from tests.fakes.gateway import GatewayProcess
from tests.process.program import Program, wait_for

DEAD = "is waiting: no pong and no data"
NOTICED_WITHIN_S, SHIPPED_NOTICED_WITHIN_S = 15.0, 30.0
FRESH_WITHIN_S = 20.0

END_BY_FRAME = "is waiting: the gateway closed the connection: 1001"
CLOSE_NOTICED_WITHIN_S = 5.0
"""A close frame is news, not a silence: the time that a silent peer is given does not pass."""


def settings(**changed: float) -> str:
    """The drills' settings with other values."""
    text = CONFIG
    for name, value in changed.items():
        text, count = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", text)
        text = text if count else text.replace("[exchange]\n", f"[exchange]\n{name} = {value}\n")
    return text


SHIPPED = settings(ping_interval_s=20, dead_after_s=30, retry_first_s=1, retry_cap_s=60)
LATENCY = CONFIG.replace("[collector]", '[collector]\nprofile = "latency"')
IMPATIENT = settings(ping_interval_s=1, dead_after_s=3, open_timeout_s=1, retry_first_s=0.5, retry_cap_s=1)


def told_at(program: Program, text: str) -> list[float]:
    """When the log says `text`, in seconds of the wall clock."""
    lines = [line for line in program.log.splitlines() if text in line]
    return [datetime.fromisoformat(line.split()[0]).timestamp() for line in lines]


def seconds_until_all_are_noticed(running: Drill, record: Record, began: float) -> float:
    """`began` is by the wall clock, as the log is."""
    program = running.program
    wait_for(lambda: program.log.count(DEAD) >= running.connections, "all are noticed")
    noticed_s = max(told_at(program, DEAD)) - began
    record("noticed_s", noticed_s)
    return noticed_s


def seconds_until_fresh(running: Drill, record: Record, known: int) -> float:
    """Until the exchange has every subscription again, on connections later than the first `known`."""
    began = time.monotonic()
    running.wait_until_back(known + running.connections, within_s=FRESH_WITHIN_S)
    fresh_s = time.monotonic() - began
    record("fresh_s", fresh_s)
    return fresh_s


@pytest.mark.parametrize("config", [CONFIG, LATENCY], ids=["economy profile", "latency profile"])
def test_clean_drops_are_mended_and_counted_one_by_one(
    drill: StartDrill, gateway: GatewayProcess, is_long: bool, config: str
) -> None:
    """And nothing is held afterwards that was not held before."""
    running = drill(config=config)
    running.begin(is_warm=True)
    drops = 100 if is_long else 2
    for _ in range(drops):
        next_drop_at = time.monotonic() + 5
        running.drop_all()
        if is_long:
            time.sleep(max(0.0, next_drop_at - time.monotonic()))
    running.end(reconnects=4 * drops)
    assert gateway.ledger().connects - 4 == 4 * drops


@contextmanager
def black_hole(forwarder: Forwarder) -> Iterator[None]:
    forwarder.stop()
    yield
    forwarder.resume()


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    yield
    os.kill(pid, signal.SIGCONT)


class Survived(NamedTuple):
    """How long it took until all had noticed a silence, and after its end until everything was fresh again."""

    noticed_s: float
    fresh_s: float


def survive(running: Drill, record: Record, silence: AbstractContextManager[None], at_least_s: float = 0.0) -> Survived:
    """The exchange is not heard until all have noticed, and for so long: then everything has to be fresh again."""
    known = running.begin()
    began = time.time()
    with silence:
        noticed_s = seconds_until_all_are_noticed(running, record, began)
        time.sleep(max(0.0, began + at_least_s - time.time()))
    fresh_s = seconds_until_fresh(running, record, known)
    running.end(reconnects=running.connections)
    return Survived(noticed_s, fresh_s)


def noticed_within_s(config: str) -> float:
    """The limit that the settings of a drill allow."""
    return SHIPPED_NOTICED_WITHIN_S if config is SHIPPED else NOTICED_WITHIN_S


@pytest.fixture(params=[CONFIG, SHIPPED], ids=["drills' settings", "shipped settings"])
def config(request: pytest.FixtureRequest, is_long: bool) -> str:
    """The settings of a drill. In the short form the drills' own alone."""
    if request.param is SHIPPED and not is_long:
        pytest.skip("longer silence")
    assert isinstance(request.param, str)
    return request.param


@pytest.mark.parametrize(
    "config", [IMPATIENT, CONFIG, SHIPPED], ids=["impatient settings", "drills' settings", "shipped settings"]
)
def test_a_black_hole_both_ways_is_noticed_within_15_s_and_mended_within_20_s(
    drill: StartDrill, record_property: Record, forwarder: Forwarder, is_long: bool, config: str
) -> None:
    """With the shipped settings within 30 s. The bytes of pings stay on their way."""
    if config is not IMPATIENT and not is_long:
        pytest.skip("longer silence")
    running = drill(port=forwarder.port, config=config)
    survived = survive(running, record_property, black_hole(forwarder))
    assert survived.noticed_s <= noticed_within_s(config)
    assert survived.fresh_s <= FRESH_WITHIN_S


def test_a_stopped_gateway_is_noticed_and_when_it_goes_on_everything_is_fresh_within_20_s(
    drill: StartDrill, record_property: Record, gateway: GatewayProcess, is_long: bool, config: str
) -> None:
    running = drill(config=config if is_long else IMPATIENT)
    survived = survive(running, record_property, stopped(gateway.pid), at_least_s=60 if is_long else 3.5)
    assert survived.noticed_s <= noticed_within_s(config)
    assert survived.fresh_s <= FRESH_WITHIN_S


def test_a_gateway_that_is_killed_for_10_s_is_found_again_within_20_s(
    drill: StartDrill, record_property: Record, is_long: bool, config: str
) -> None:
    with GatewayProcess() as first:
        running = drill(port=first.port, config=config)
        running.gateway = first
        running.begin()
        os.kill(first.pid, signal.SIGKILL)
    running.program.wait_for_log("is waiting: connection re", 4)  # reset, or refused already
    time.sleep(10 if is_long else 3)
    with GatewayProcess(first.port) as second:
        running.gateway = second
        assert seconds_until_fresh(running, record_property, known=0) <= FRESH_WITHIN_S
        running.end(reconnects=4)
        assert second.violations == []


def test_a_reset_storm_costs_little_and_is_told_in_few_lines(
    drill: StartDrill, record_property: Record, gateway: GatewayProcess, forwarder: Forwarder, is_long: bool
) -> None:
    """At most one attempt a second for each connection, 30 % of a core, a line for each loss and two a second."""
    running = drill("--workers", "6", "--log-level", "debug", port=forwarder.port, connections=30, config=SHIPPED)
    known = running.begin(is_warm=True)
    running.program.wait_for_log("is online", 30)
    lines, attempts = said(running.program), attempts_of_each(running.program)
    cpu_s, began = running.cpu_s(), time.monotonic()
    forwarder.reset(and_new_ones=True)
    time.sleep(60 if is_long else 4)
    lasted_s = time.monotonic() - began
    cores, lines = (running.cpu_s() - cpu_s) / lasted_s, said(running.program) - lines
    attempts = attempts_of_each(running.program) - attempts
    record_property("cores, most attempts a second, lines", (cores, max(attempts.values()) / lasted_s, lines))
    assert cores < 0.3
    assert len(attempts) == 30
    assert max(attempts.values()) <= lasted_s + 1  # the first of them begins with the storm
    assert lines <= 30 + 2 * lasted_s
    forwarder.resume()
    assert seconds_until_fresh(running, record_property, known) <= FRESH_WITHIN_S
    running.end(reconnects=30)


def said(program: Program) -> int:
    """Lines of the log that are there without being asked for."""
    return sum(" DEBUG " not in line for line in program.log.splitlines())


def attempts_of_each(program: Program) -> Counter[str]:
    """How often each connection was tried."""
    return Counter(re.findall(r"(connection \d+): \w+ -> opening", program.log))


def test_a_closed_port_costs_nearly_nothing_and_once_it_opens_everything_is_fresh_within_20_s(
    drill: StartDrill, record_property: Record, gateway: GatewayProcess, forwarder: Forwarder, is_long: bool
) -> None:
    """Less than 1 % of a core, by delays that grow: of the five minutes, for in the first seconds they are short."""
    running = drill("--log-level", "debug", port=forwarder.port, config=SHIPPED)
    known = running.begin(is_warm=True)
    forwarder.close_listener()
    forwarder.reset()
    running.program.wait_for_log("is waiting: connection re", 4)
    cpu_s, began, lines = running.cpu_s(), time.monotonic(), said(running.program)
    attempts = [running.program.log.count("-> opening")]
    pauses_s = (10, 90, 200) if is_long else (5,)
    for pause_s in pauses_s:
        time.sleep(pause_s)
        attempts.append(running.program.log.count("-> opening"))
    cores = (running.cpu_s() - cpu_s) / (time.monotonic() - began)
    record_property("cores", cores)
    record_property("attempts", attempts)
    assert cores < (0.01 if is_long else 0.05)
    assert attempts[1] - attempts[0] <= running.connections * (pauses_s[0] + 1)  # one a second at most
    assert said(running.program) <= lines + 2 * running.connections  # the same again is counted, not told
    assert not is_long or (attempts[3] - attempts[2]) / 200 < 0.5 * (attempts[1] - attempts[0]) / 10
    forwarder.open_listener()
    assert seconds_until_fresh(running, record_property, known) <= FRESH_WITHIN_S
    running.end(reconnects=4)


def test_however_an_attempt_gets_stuck_it_is_given_up_in_time_and_leaves_nothing(
    drill: StartDrill, gateway: GatewayProcess, forwarder: Forwarder, is_long: bool
) -> None:
    """No answer at all, an answer that drips, silence after the upgrade, CONNECT without an answer but with pongs."""
    quick = settings(open_timeout_s=0.5, retry_first_s=0.2, retry_cap_s=0.4)
    running = drill("--log-level", "debug", port=forwarder.port, config=quick)
    running.begin()
    threads = running.held().threads

    def drip() -> None:
        forwarder.drip(every_ms=50)

    def never_upgrade() -> None:
        gateway.behave(Behaviour(upgrade="hold"))

    def fall_silent() -> None:
        gateway.behave(Behaviour(greeting="freeze"))

    def never_greet() -> None:
        gateway.behave(Behaviour(greeting="none"))

    for get_stuck, reason, attempts in (
        (never_upgrade, "opening -> waiting: no WebSocket within 0.5 s", 1),
        (drip, "opening -> waiting: no WebSocket within 0.5 s", 1),
        (fall_silent, "greeting -> waiting: no answer to CONNECT within 0.5 s", 1),
        (never_greet, "greeting -> waiting: no answer to CONNECT within 0.5 s", 50 if is_long else 3),
    ):
        told = running.program.log.count(reason)
        get_stuck()
        forwarder.reset()  # at once, whatever is still on its way and may drip now
        wait_for(lambda r=reason, n=told + 4 * attempts: running.program.log.count(r) >= n, reason, 200)  # type: ignore[misc]
        assert running.held().threads == threads
        forwarder.resume()
        gateway.behave(Behaviour())
        gateway.thaw()
        running.wait_until_online(within_s=FRESH_WITHIN_S)
    running.end(reconnects=4 * 4)


@pytest.mark.parametrize("hanging", [Behaviour(upgrade="hold"), Behaviour(greeting="none")], ids=["upgrade", "CONNECT"])
def test_attempts_that_hang_when_the_exchange_heals_delay_fresh_data_by_20_s_at_most(
    drill: StartDrill, record_property: Record, gateway: GatewayProcess, hanging: Behaviour, is_long: bool
) -> None:
    """With the shipped settings. What began before it healed is never answered; the long form lets the delays grow."""
    if hanging.upgrade == "hold" and not is_long:
        pytest.skip("the same again")
    running = drill("--log-level", "debug", config=SHIPPED)
    known = running.begin()
    gateway.behave(hanging)
    gateway.drop()
    running.program.wait_for_log("-> opening", 2 * running.connections)
    if is_long:
        time.sleep(180)
        running.program.wait_for_log("-> opening", running.program.log.count("-> opening") + 1)
    gateway.behave(Behaviour())
    assert seconds_until_fresh(running, record_property, known) <= FRESH_WITHIN_S
    running.end(reconnects=running.connections)


def test_a_peer_that_neither_reads_nor_speaks_holds_up_its_own_connection_alone(
    drill: StartDrill, gateway: GatewayProcess
) -> None:
    running = drill(config=IMPATIENT)
    running.begin()
    gateway.freeze(0)
    running.program.wait_for_log(DEAD)
    gateway.thaw(0)
    running.wait_until_online()
    running.end(reconnects=1)
    assert running.program.log.count("is waiting") == 1


def test_a_close_frame_is_an_end_though_tcp_stays_open(
    drill: StartDrill, record_property: Record, gateway: GatewayProcess
) -> None:
    running = drill(config=settings(dead_after_s=60))
    running.begin()
    began = time.time()
    gateway.drop(how="close_frame")
    running.program.wait_for_log(END_BY_FRAME, 4)
    noticed_s = max(told_at(running.program, END_BY_FRAME)) - began
    record_property("noticed_s", noticed_s)
    assert noticed_s <= CLOSE_NOTICED_WITHIN_S
    gateway.thaw()
    running.wait_until_online()
    summary = running.end(reconnects=4)
    assert summary["reconnects"] == running.program.log.count(END_BY_FRAME) == running.program.log.count("is waiting")


# ---- who must not be spoken to


class Impostors:
    """Listens on 127.0.0.1 and treats each connection as the next of `ways` says, in turn; counts them in `met`."""

    def __init__(self, *ways: ssl.SSLContext | bytes) -> None:
        """A context is a TLS server, bytes are the answer to a request."""
        self.met = 0
        self.asked = b""
        self._ways = ways
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, name="impostors", daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                accepted, _ = self._listener.accept()
                way = self._ways[self.met % len(self._ways)]
                self.met += 1
                accepted.settimeout(10)
                with closing(accepted), suppress(OSError):
                    self._meet(accepted, way)

    def _meet(self, accepted: socket.socket, way: ssl.SSLContext | bytes) -> None:
        if isinstance(way, bytes):
            self.asked += accepted.recv(65_536)
            accepted.sendall(way)
        else:
            with way.wrap_socket(accepted, server_side=True) as tls:
                self.asked += tls.recv(65_536)


@contextmanager
def impostors(*ways: ssl.SSLContext | bytes) -> Iterator[Impostors]:
    with closing(Impostors(*ways)) as there:
        yield there


INVALID = ("Hostname mismatch", "certificate has expired", "unable to get local issuer certificate")
HASTY = ("--connections", "1", "--workers", "1")


def test_whoever_cannot_prove_to_be_the_exchange_is_refused_and_said_so(
    drill: StartDrill, gateway: GatewayProcess, tmp_path: Path
) -> None:
    """A certificate for another name, of an unknown authority, or one that has expired: no byte of the request."""
    trusted, unknown = tmp_path / "trusted", tmp_path / "unknown"
    trusted.mkdir()
    unknown.mkdir()
    authority = Authority(trusted)
    wrong_name = authority.issue("other.example", "-days", "1")
    expired = authority.issue("localhost", "-days", "-1")
    stranger = Authority(unknown).issue("localhost", "-days", "1")
    trust = {"SSL_CERT_FILE": str(authority.certificate), "SSL_CERT_DIR": str(tmp_path / "none")}
    with impostors(wrong_name, expired, stranger) as there:
        url = f"wss://localhost:{there.port}/infocx/v3/websocket"
        running = drill(*HASTY, "--url", url, "--log-level", "debug", config=IMPATIENT, environment=trust)
        reasons = [f"-> waiting: the certificate is not valid: {reason}" for reason in INVALID]
        for reason in reasons:
            running.program.wait_for_log(reason)
        before = running.held()
        for reason in reasons:
            running.program.wait_for_log(reason, 2)
        running.wait_until_held(before)
        assert running.program.stop() == 0
        assert there.asked == b""


def test_a_redirect_to_another_host_is_refused_and_said_so(drill: StartDrill, gateway: GatewayProcess) -> None:
    with impostors(b"HTTP/1.1 101 Switching Protocols\r\n\r\n") as elsewhere:
        answer = f"HTTP/1.1 302 Found\r\nLocation: ws://localhost:{elsewhere.port}/\r\nContent-Length: 0\r\n\r\n"
        with impostors(answer.encode()) as there:
            url = f"ws://127.0.0.1:{there.port}/infocx/v3/websocket"
            running = drill(*HASTY, "--url", url, config=IMPATIENT)
            running.program.wait_for_log("is waiting: the server redirects to another address, which is refused")
            before = running.held()
            wait_for(lambda: there.met >= 4, "it tries again")
            running.wait_until_held(before)
            assert running.program.stop() == 0
        assert elsewhere.met == 0
