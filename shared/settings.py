"""config.toml + .env + environment + arguments -> one validated, immutable Settings."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from shared.addresses import safe_gateway_url, safe_iss_url
from shared.arguments import Spoken, Viewing, parse_arguments, parse_viewing
from shared.errors import ConfigError
from shared.options import Given, Layer, Option, Rule, Source, checked
from shared.rules import (
    board_name,
    credential,
    file_to_write,
    ip_address,
    socket_path,
    stream_names,
    ticker_groups,
)
from shared.service_socket import AUTO
from shared.sources import config_layer, env_file_layer, environment_layer, is_open_to_others, shown_path

GATEWAY_PATH = "/infocx/v3/websocket"
RUN_SECTION = "run"

Seed = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Secret(str):
    """Text that no repr, log line or traceback shows. `reveal()` gives the plain text."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def reveal(self) -> str:
        return str.__str__(self)


class Credentials(msgspec.Struct, frozen=True):
    """The CONNECT headers of the gateway. DEMO/guest/guest is the public login, delayed by 15 minutes."""

    domain: Annotated[str, Rule(credential)] = "DEMO"
    login: Annotated[str, Rule(credential)] = "guest"
    passcode: Annotated[Secret, Rule(credential)] = Secret("guest")

    @property
    def is_guest(self) -> bool:
        return self.domain.upper() == "DEMO"


class ExchangeSettings(msgspec.Struct, frozen=True):
    url: Annotated[str, Rule(safe_gateway_url)] = "wss://iss.moex.com/infocx/v3/websocket"
    iss_url: Annotated[str, Rule(safe_iss_url)] = "https://iss.moex.com/iss"
    streams: Annotated[tuple[str, ...], Rule(stream_names)] = ("orderbooks", "securities")
    ping_interval_s: Annotated[float, Meta(ge=0.1, le=300)] = 20.0
    dead_after_s: Annotated[float, Meta(ge=0.1, le=900)] = 30.0
    open_timeout_s: Annotated[float, Meta(ge=0.1, le=300)] = 10.0
    connect_stagger_s: Annotated[float, Meta(ge=0, le=60)] = 0.15
    subscribe_pause_s: Annotated[float, Meta(ge=0, le=10)] = 0.005
    retry_first_s: Annotated[float, Meta(ge=0.05, le=3600)] = 1.0
    retry_cap_s: Annotated[float, Meta(ge=0.05, le=3600)] = 60.0
    refused_retry_first_s: Annotated[float, Meta(ge=0.05, le=86400)] = 60.0
    refused_retry_cap_s: Annotated[float, Meta(ge=0.05, le=86400)] = 300.0


class InstrumentSettings(msgspec.Struct, frozen=True):
    board: Annotated[str, Rule(board_name)] = "TQBR"
    selection: Literal["random", "unique"] = "random"
    seed: Seed | None = None


class CollectorSettings(msgspec.Struct, frozen=True):
    workers: Annotated[int, Meta(ge=1, le=64)] = 6
    connections: Annotated[int, Meta(ge=1, le=1000)] = 30
    tickers_per_connection: Annotated[int, Meta(ge=1, le=1000)] = 50
    profile: Literal["economy", "latency"] = "economy"
    flush_interval_ms: Annotated[int, Meta(ge=1, le=5000)] = 100


class DisplaySettings(msgspec.Struct, frozen=True):
    mode: Literal["auto", "screen", "plain", "none"] = "auto"
    refresh_s: Annotated[float, Meta(ge=0.1, le=60)] = 1.0
    rows: Annotated[int, Meta(ge=1, le=1000)] = 50
    fresh_s: Annotated[float, Meta(ge=0.1, le=86400)] = 5.0
    stale_s: Annotated[float, Meta(ge=0.1, le=86400)] = 30.0
    status_interval_s: Annotated[float, Meta(ge=0.1, le=86400)] = 10.0
    theme: Literal["dark", "light", "colorblind", "mono"] = "dark"
    groups: Annotated[dict[str, tuple[str, ...]], Rule(ticker_groups)] = {}


class LogSettings(msgspec.Struct, frozen=True):
    file: Annotated[str | None, Rule(file_to_write)] = None
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"
    status_interval_s: Annotated[float, Meta(ge=0.1, le=86400)] = 600.0
    max_mb: Annotated[float, Meta(gt=0)] | None = None
    keep: Annotated[int, Meta(ge=1, le=1000)] = 5


class MetricsSettings(msgspec.Struct, frozen=True):
    """`port` 0: none are served."""

    port: Annotated[int, Meta(ge=0, le=65535)] = 0
    address: Annotated[str, Rule(ip_address)] = "127.0.0.1"
    tickers: bool = False


class ServiceSettings(msgspec.Struct, frozen=True):
    """How others look at the running program. `socket` is a path, or one of the words of `service_socket`."""

    socket: Annotated[str, Rule(socket_path)] = AUTO
    health_max_age_s: Annotated[float, Meta(ge=0.1, le=86400)] = 60.0


class SimulatorSettings(msgspec.Struct, frozen=True):
    rate: Annotated[int, Meta(ge=1, le=100_000)] = 500
    seed: Seed | None = None
    session: Literal["open", "closed"] = "open"


class Settings(msgspec.Struct, frozen=True):
    """All that a person may set. Every field has its key in config.toml; times are seconds unless the name says ms.

    The credentials alone are not in config.toml, and the fields at the end are its section [run].
    """

    exchange: ExchangeSettings = ExchangeSettings()
    credentials: Credentials = Credentials()
    instruments: InstrumentSettings = InstrumentSettings()
    collector: CollectorSettings = CollectorSettings()
    display: DisplaySettings = DisplaySettings()
    log: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()
    service: ServiceSettings = ServiceSettings()
    simulator: SimulatorSettings = SimulatorSettings()
    simulate: bool = False
    duration_s: Annotated[float, Meta(gt=0)] | None = None
    summary: Annotated[str | None, Rule(file_to_write)] = None


def load(arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> Settings:
    """The settings of this start. `arguments` are without the program's name, `folder` is where run.py is.

    Reads config.toml and .env of `folder` where they exist, or the files that the arguments name. Raises ConfigError
    at the first thing that is wrong, and SystemExit(0) after --help or --version. To be called once, by run.py.
    """
    spoken = parse_arguments(arguments, _DEFAULTS)
    env_file = _existing(spoken.env_file, folder / ".env")
    personal = (env_file_layer(env_file) if env_file is not None else {}, environment_layer(environment))
    return _settings(_given(_config_layer(spoken, folder), *personal, spoken.layer))


def load_for_viewing(arguments: Sequence[str], folder: Path) -> tuple[Settings, Viewing]:
    """The same for `attach` and `health`, which `arguments` begin with.

    A viewer needs no login and reads none, and whether it could write the files of the program is not asked. A program
    goes on with its old settings when config.toml becomes wrong: `health` asks it all the same, by the built-in ones.
    """
    spoken, viewing = parse_viewing(arguments, _DEFAULTS)
    try:
        config = _config_layer(spoken, folder)
        needed = {option: given for option, given in config.items() if option.section in ("display", "service")}
        return _settings(_given(needed, spoken.layer)), viewing
    except ConfigError as error:
        if viewing.command != "health":
            raise
        return _settings(_given(spoken.layer)), viewing._replace(unread=str(error))


def exposed_login(arguments: Sequence[str], folder: Path) -> str | None:
    """One line for a person when others may read the passcode in the .env of this start; None when all is well.

    The public passcode is no secret. Raises as `load` does.
    """
    env_file = _existing(parse_arguments(arguments, _DEFAULTS).env_file, folder / ".env")
    if env_file is None or not is_open_to_others(env_file):
        return None
    passcode = env_file_layer(env_file).get(Option("credentials", "passcode"))
    if passcode is None or passcode.value == Credentials().passcode.reveal():
        return None
    return f"others may read the passcode in {shown_path(env_file)}: chmod 600 makes it yours alone"


def _config_layer(spoken: Spoken, folder: Path) -> Layer:
    config = _existing(spoken.config, folder / "config.toml")
    return {} if config is None else config_layer(config, CONFIG_OPTIONS)


def _given(*layers: Layer) -> Layer:
    """What the layers say, checked; the later one wins."""
    given: Layer = {}
    for layer in layers:
        given |= {option: one._replace(value=checked(one, _ANNOTATIONS[option])) for option, one in layer.items()}
    return given


def _fields() -> dict[Option, msgspec.structs.FieldInfo]:
    found: dict[Option, msgspec.structs.FieldInfo] = {}
    for field in msgspec.structs.fields(Settings):
        if isinstance(field.default, msgspec.Struct):
            found |= {Option(field.name, key.name): key for key in msgspec.structs.fields(field.default)}
        else:
            found[Option(RUN_SECTION, field.name)] = field
    return found


def _default(field: msgspec.structs.FieldInfo) -> Any:
    """A table as default is made anew for each struct."""
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


_FIELDS = _fields()
_DEFAULTS = {option: _default(field) for option, field in _FIELDS.items()}
_ANNOTATIONS = {option: field.type for option, field in _FIELDS.items()}
CONFIG_OPTIONS = tuple(option for option in _FIELDS if option.section != "credentials")
"""Every option that config.toml may set, in the order of Settings."""

_ORDERED = (
    (Option("exchange", "ping_interval_s"), "less than", Option("exchange", "dead_after_s")),
    (Option("exchange", "retry_first_s"), "at most", Option("exchange", "retry_cap_s")),
    (Option("exchange", "refused_retry_first_s"), "at most", Option("exchange", "refused_retry_cap_s")),
    (Option("display", "fresh_s"), "less than", Option("display", "stale_s")),
    (Option("collector", "workers"), "at most", Option("collector", "connections")),
)


def _existing(chosen: Path | None, usual: Path) -> Path | None:
    """A file that was asked for is read, and missed, whatever it is; the usual one only if it is there."""
    return chosen or (usual if usual.exists() else None)


def _settings(given: Layer) -> Settings:
    merged = {option: Given(default, str(option), Source.DEFAULT) for option, default in _DEFAULTS.items()} | given
    _lower_workers(merged)
    for smaller, relation, larger in _ORDERED:
        _ensure_order(merged[smaller], relation, merged[larger])
    _ensure_login(merged)
    _ensure_no_contradiction(merged)
    return _built(merged)


def _lower_workers(merged: Layer) -> None:
    """Fewer connections asked for than the workers of a lower source: nobody meant more workers than connections."""
    workers, connections = merged[Option("collector", "workers")], merged[Option("collector", "connections")]
    if workers.source < connections.source:
        merged[Option("collector", "workers")] = workers._replace(value=min(workers.value, connections.value))


def _ensure_order(smaller: Given, relation: str, larger: Given) -> None:
    if smaller.value < larger.value or (relation == "at most" and smaller.value == larger.value):
        return
    raise ConfigError(
        f"{smaller.origin}: must be {relation} {larger.origin}, which is {larger.value:g}, not {smaller.value:g}"
    )


def _ensure_login(merged: Layer) -> None:
    """Only the public domain has a public login."""
    domain, login, passcode = (merged[Option("credentials", key)] for key in ("domain", "login", "passcode"))
    if domain.value.upper() == Credentials().domain:
        return
    for name, one in (("MOEX_LOGIN", login), ("MOEX_PASSCODE", passcode)):
        if one.source is Source.DEFAULT:
            raise ConfigError(f"{domain.origin}: is not DEMO, so {name} must be set too, in the environment or .env")


def _ensure_no_contradiction(merged: Layer) -> None:
    simulate = merged[Option(RUN_SECTION, "simulate")]
    for key in ("url", "iss_url"):
        address = merged[Option("exchange", key)]
        if simulate.value and address.source is Source.ARGUMENT:
            raise ConfigError(f"{address.origin}: contradicts {simulate.origin}, must be one or the other")


def _built(merged: Layer) -> Settings:
    """The built-in exchange is told the public login: a passcode of the real one goes nowhere else."""
    values: dict[str, dict[str, Any]] = {}
    for option, one in merged.items():
        values.setdefault(option.section, {})[option.key] = one.value
    run = values.pop(RUN_SECTION)
    login = values.pop("credentials")
    sections = {name: type(getattr(Settings(), name))(**table) for name, table in values.items()}
    credentials = Credentials() if run["simulate"] else Credentials(**login)
    return Settings(**sections, **run, credentials=credentials)
