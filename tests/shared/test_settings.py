import copy
import pickle
import re
import tomllib
import traceback
from pathlib import Path

import msgspec
import pytest

from shared.errors import ConfigError
from shared.settings import (
    CONFIG_OPTIONS,
    CollectorSettings,
    Credentials,
    LogSettings,
    Secret,
    ServiceSettings,
    Settings,
    exposed_login,
    load,
    load_for_viewing,
)

ROOT = Path(__file__).parent.parent.parent
PASSCODE = "hunter2'\\$ x"


def loaded(folder: Path, arguments: str = "", config: str = "", env: str = "", **environment: str) -> Settings:
    """The settings of a folder with this config.toml and .env; an empty text means that there is no such file."""
    for name, text in (("config.toml", config), (".env", env)):
        if text:
            (folder / name).write_text(text, "utf-8")
    return load(arguments.split(), environment, folder)


def with_every_key(text: str) -> str:
    """A config.toml with the keys and tables that it only shows in comments."""
    return re.sub(r"^# (\w+ = |\[)", r"\1", text, flags=re.MULTILINE)


# What the settings are without and with the shipped file


def test_without_any_file_the_settings_are_the_built_in_defaults(tmp_path: Path) -> None:
    assert loaded(tmp_path) == Settings()


def test_the_shipped_config_toml_holds_the_built_in_defaults(tmp_path: Path) -> None:
    assert loaded(tmp_path, f"--config {ROOT / 'config.toml'}") == Settings()


def test_the_shipped_config_toml_names_every_option_and_no_other() -> None:
    text = (ROOT / "config.toml").read_text("utf-8")
    document = tomllib.loads(with_every_key(text))
    named = [(section, key) for section, table in document.items() for key in table]
    assert named == [tuple(option) for option in CONFIG_OPTIONS]


def test_every_field_of_the_settings_but_the_credentials_is_an_option() -> None:
    sections = {s for s, _ in CONFIG_OPTIONS}
    fields = set(Settings.__struct_fields__)
    assert fields - sections == {"credentials", "simulate", "duration_s", "summary"}
    assert sections - fields == {"run"}
    assert [key for section, key in CONFIG_OPTIONS if section == "collector"] == list(
        CollectorSettings.__struct_fields__
    )


def test_the_shipped_config_toml_can_be_loaded_with_every_key_set(tmp_path: Path) -> None:
    text = (ROOT / "config.toml").read_text("utf-8")
    everything = with_every_key(text)
    settings = loaded(tmp_path, config=everything)
    assert settings.instruments.seed == 1
    assert settings.duration_s == 60.0
    assert settings.display.groups == {"banks": ("SBER", "VTBR", "T")}


def test_the_shipped_env_example_is_the_public_login(tmp_path: Path) -> None:
    settings = loaded(tmp_path, f"--env-file {ROOT / '.env.example'}")
    assert settings == Settings()
    assert settings.credentials.is_guest


# Precedence


def test_an_argument_wins_over_environment_over_env_file_over_config_over_default(tmp_path: Path) -> None:
    config = '[exchange]\nurl = "wss://config/"\n'
    env = "MOEX_URL=wss://env/\n"
    assert loaded(tmp_path).exchange.url == "wss://iss.moex.com/infocx/v3/websocket"
    assert loaded(tmp_path, config=config).exchange.url == "wss://config/"
    assert loaded(tmp_path, env=env).exchange.url == "wss://env/"
    assert loaded(tmp_path, MOEX_URL="wss://environment/").exchange.url == "wss://environment/"
    assert loaded(tmp_path, "--url wss://argument/", MOEX_URL="wss://x/").exchange.url == "wss://argument/"


def test_an_empty_variable_of_the_environment_does_not_hide_env(tmp_path: Path) -> None:
    assert loaded(tmp_path, env="MOEX_LOGIN=anna\n", MOEX_LOGIN="").credentials.login == "anna"


def test_a_named_config_replaces_the_usual_one_and_may_hold_only_some_keys(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[collector]\nworkers = 2\n", "utf-8")
    settings = loaded(tmp_path, f"--config {tmp_path / 'mine.toml'}", config="[display]\nrows = 7\n")
    assert settings == msgspec.structs.replace(Settings(), collector=CollectorSettings(workers=2))


def test_run_and_log_settings_come_from_config_toml_too(tmp_path: Path) -> None:
    log, summary = tmp_path / "x.log", tmp_path / "s.json"
    config = f'[run]\nsimulate = true\nduration_s = 5\nsummary = "{summary}"\n[log]\nfile = "{log}"\n'
    settings = loaded(tmp_path, config=config)
    assert (settings.simulate, settings.duration_s, settings.summary) == (True, 5.0, str(summary))
    assert settings.log == LogSettings(file=str(log))
    assert not loaded(tmp_path, "--no-simulate").simulate


def test_fewer_connections_than_the_default_workers_need_no_second_option(tmp_path: Path) -> None:
    assert loaded(tmp_path, "--connections 2").collector.workers == 2
    assert loaded(tmp_path, "--connections 4", config="[collector]\nworkers = 5\n").collector.workers == 4


def test_the_theme_can_be_said_in_config_toml_and_as_an_argument(tmp_path: Path) -> None:
    config = "[display]\ntheme = 'light'\n"
    assert loaded(tmp_path, config=config).display.theme == "light"
    assert loaded(tmp_path, "--theme colorblind", config=config).display.theme == "colorblind"


# What a viewer needs of them


def viewed(folder: Path, arguments: str, config: str = "") -> Settings:
    (folder / "config.toml").write_text(config, "utf-8")
    return load_for_viewing(arguments.split(), folder)[0]


def test_a_viewer_takes_how_to_look_from_config_toml_and_its_arguments(tmp_path: Path) -> None:
    config = "[service]\nsocket = '/run/x'\nhealth_max_age_s = 5\n[display]\nrows = 7\n"
    settings = viewed(tmp_path, "attach --theme light", config)
    assert (settings.service.socket, settings.display.rows, settings.display.theme) == ("/run/x", 7, "light")
    assert viewed(tmp_path, "health --socket /a", config).service == ServiceSettings("/a", 5.0)
    assert viewed(tmp_path, "health --max-age 7.5", config).service.health_max_age_s == 7.5


def test_a_viewer_needs_no_login_and_none_of_the_files_that_the_program_writes(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MOEX_DOMAIN=passport\n", "utf-8")
    assert viewed(tmp_path, "attach", "[log]\nfile = '/gone/x.log'\n[run]\nsummary = '/gone/s'\n") == Settings()


def test_a_wrong_key_is_told_to_a_viewer_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"unknown key 'sokcet', did you mean socket\?"):
        viewed(tmp_path, "attach", "[service]\nsokcet = 'x'\n")
    with pytest.raises(ConfigError, match=r"--max-age: must be a number from 0.1 to 86400, not 'old'"):
        viewed(tmp_path, "health --max-age old", "[service]\nsokcet = 'x'\n")


def test_health_is_asked_by_the_built_in_settings_and_its_arguments_while_the_config_is_wrong(tmp_path: Path) -> None:
    wrong = "[service]\nsokcet = 'x'\nhealth_max_age_s = 5\n"
    assert viewed(tmp_path, "health --socket /a", wrong).service == ServiceSettings("/a")


# The login


def test_a_subscriber_is_one_with_login_and_passcode(tmp_path: Path) -> None:
    env = "MOEX_DOMAIN=passport\nMOEX_LOGIN=anna\n"
    credentials = loaded(tmp_path, env=env, MOEX_PASSCODE=PASSCODE).credentials
    assert credentials == Credentials("passport", "anna", Secret(PASSCODE))
    assert credentials.passcode.reveal() == PASSCODE
    assert not credentials.is_guest


def test_the_built_in_exchange_gets_the_public_login_only(tmp_path: Path) -> None:
    environment = {"MOEX_DOMAIN": "passport", "MOEX_LOGIN": "anna", "MOEX_PASSCODE": PASSCODE}
    assert loaded(tmp_path, "--simulate", **environment).credentials == Credentials()


@pytest.mark.parametrize(
    ("mode", "text", "is_told"),
    [
        (0o644, "MOEX_PASSCODE=hunter2\n", True),
        (0o640, "MOEX_PASSCODE=hunter2\n", True),
        (0o600, "MOEX_PASSCODE=hunter2\n", False),
        (0o644, "MOEX_PASSCODE=guest\n", False),
        (0o644, "MOEX_LOGIN=anna\n", False),
    ],
)
def test_a_passcode_that_others_may_read_is_told_without_it(
    tmp_path: Path, mode: int, text: str, is_told: bool
) -> None:
    for name, arguments in ((".env", []), ("mine.env", ["--env-file", str(tmp_path / "mine.env")])):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(mode)
        told = exposed_login(arguments, tmp_path)
        expected = f"others may read the passcode in {tmp_path / name}: chmod 600 makes it yours alone"
        assert told == (expected if is_told else None)


def test_without_an_env_file_nobody_may_read_it(tmp_path: Path) -> None:
    assert exposed_login([], tmp_path) is None


def test_the_settings_travel_to_other_processes_whole(tmp_path: Path) -> None:
    settings = loaded(tmp_path, MOEX_PASSCODE=PASSCODE)
    for twin in (pickle.loads(pickle.dumps(settings)), copy.deepcopy(settings)):
        assert twin == settings
        assert twin.credentials.passcode.reveal() == PASSCODE
        assert isinstance(twin.credentials.passcode, Secret)


def test_a_secret_shows_itself_only_when_told_to(tmp_path: Path) -> None:
    settings = loaded(tmp_path, MOEX_PASSCODE=PASSCODE)
    secret = settings.credentials.passcode
    texts = [repr(settings), str(settings.credentials), f"{secret}", f"{secret!r}", f"{secret:>20}", str(secret)]
    texts += ["%s" % secret, "%r" % [secret], "{}".format(secret)]  # noqa: UP031, UP032
    assert not [text for text in texts if "hunter2" in text]


@pytest.mark.parametrize(
    ("arguments", "config", "env"),
    [
        ("--workers six", "", ""),
        ("", "[display]\nfresh_s = 99\n", ""),
        ("", "[exchange]\nurl = 3\n", ""),
        ("", "", "MOEX_URL=hunter2://hunter2:hunter2@x\n"),
        ("", "", f'MOEX_PASSCODE="{PASSCODE}\\n"\n'),
        ("", "", f'MOEX_PASSCODE="{PASSCODE}\n'),
        (f"--passcode={PASSCODE}", "", ""),
        ("", f'[exchange]\npasscode = "{PASSCODE}"\n', ""),
        ("", f"[exchange]\npasscode = {PASSCODE}\n", ""),
    ],
)
def test_no_error_and_no_traceback_tells_the_passcode(tmp_path: Path, arguments: str, config: str, env: str) -> None:
    environment = {} if "PASSCODE" in env else {"MOEX_DOMAIN": "passport", "MOEX_PASSCODE": PASSCODE}
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, arguments, config, env, **environment)
    told = "".join(traceback.format_exception(caught.value))
    assert "hunter2" not in told.replace(str(tmp_path), "")


# What is refused, with one line


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ('[collector]\nworkers = "six"\n', "[collector] workers: must be a whole number from 1 to 64, not 'six'"),
        ("[collector]\nworkers = true\n", "[collector] workers: must be a whole number from 1 to 64, not true"),
        ("[collector]\nconnections = 0\n", "[collector] connections: must be a whole number from 1 to 1000, not 0"),
        ("[collector]\ntickers_per_connection = 1001\n", "tickers_per_connection: must be a whole number from 1 to"),
        ("[collector]\nflush_interval_ms = 0.5\n", "flush_interval_ms: must be a whole number from 1 to 5000"),
        ("[collector]\nworkers = 8\nconnections = 7\n", "workers: must be at most config.toml: [collector] conn"),
        ("[display]\nrefresh_s = nan\n", "[display] refresh_s: must be a number from 0.1 to 60, not nan"),
        ("[display]\nrefresh_s = -inf\n", "[display] refresh_s: must be a number from 0.1 to 60, not -inf"),
        ("[display]\nrows = 1979-05-27\n", "[display] rows: must be a whole number from 1 to 1000, not datetime"),
        ("[display]\nfresh_s = 30\n", "[display] fresh_s: must be less than [display] stale_s, which is 30, not 30"),
        ("[display]\nmode = 'fancy'\n", "[display] mode: must be one of auto, none, plain, screen, not 'fancy'"),
        ("[display]\ntheme = 'pink'\n", "[display] theme: must be one of colorblind, dark, light, mono, not 'pink'"),
        ("[display]\ngroups = 3\n", "[display] groups: must be a table with a list of texts for each name, not 3"),
        ("[display.groups]\na = 'SBER'\n", "groups: must be a table with a list of texts for each name, not {'a'"),
        ("[display.groups]\na = ['x y']\n", "[display] groups: group 'a': a ticker is letters, digits and any of"),
        ("[exchange]\nping_interval_s = 31\n", "must be less than [exchange] dead_after_s, which is 30, not 31"),
        ("[exchange]\nretry_first_s = 61\n", "must be at most [exchange] retry_cap_s, which is 60, not 61"),
        ("[exchange]\nrefused_retry_cap_s = 9\n", "refused_retry_first_s: must be at most config.toml: [exchange]"),
        ("[exchange]\nurl = 'ws://example.com/'\n", "[exchange] url: ws:// is allowed only to this machine"),
        ("[exchange]\niss_url = 'http://example.com/'\n", "[exchange] iss_url: http:// is allowed only to this"),
        ("[exchange]\nstreams = []\n", "[exchange] streams: must name at least one stream"),
        ("[exchange]\nstreams = 'candles'\n", "[exchange] streams: must be a list of texts, not 'candles'"),
        ("[exchange]\nstreams = ['candle']\n", "there is no stream 'candle', did you mean candles?"),
        ("[instruments]\nselection = 'uniq'\n", "[instruments] selection: must be one of random, unique, not 'uniq'"),
        ("[instruments]\nseed = -1\n", "[instruments] seed: must be a whole number from 0"),
        ("[instruments]\nboard = '../..'\n", "[instruments] board: must be the name of a board"),
        ("[run]\nduration_s = 0\n", "[run] duration_s: must be a number above 0, not 0"),
        ("[run]\nsummary = '/missing/folder/x'\n", "[run] summary: there is no folder '/missing/folder'"),
        ("[run]\nsimulate = 1\n", "[run] simulate: must be true or false, not 1"),
        ("[log]\nlevel = 'loud'\n", "[log] level: must be one of debug, error, info, warning, not 'loud'"),
        ("[log]\nformat = 'xml'\n", "[log] format: must be one of json, text, not 'xml'"),
        ("[log]\nmax_mb = 0\n", "[log] max_mb: must be a number above 0, not 0"),
        ("[log]\nkeep = 0\n", "[log] keep: must be a whole number from 1 to 1000, not 0"),
        ("[metrics]\nport = 65536\n", "[metrics] port: must be a whole number from 0 to 65535, not 65536"),
        ("[metrics]\naddress = 'localhost'\n", "[metrics] address: must be an IP address such as 127.0.0.1, not 'lo"),
        ("[simulator]\nrate = 0\n", "[simulator] rate: must be a whole number from 1 to 100000, not 0"),
        ("[simulater]\n", "unknown section 'simulater', did you mean simulator?"),
        ("[log]\nfiles = 'x'\n", "[log]: unknown key 'files', did you mean file?"),
    ],
)
def test_a_wrong_config_toml_is_told_by_file_key_fault_and_remedy(tmp_path: Path, config: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, config=config)
    message = str(caught.value).replace(f"{tmp_path}/", "")
    assert message.startswith("config.toml: ") or config.startswith("[exchange]\nrefused")
    assert told in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("--workers six", "--workers: must be a whole number from 1 to 64, not 'six'"),
        ("--workers 1e1", "--workers: must be a whole number from 1 to 64, not 10.0"),
        ("--workers 31", "--workers: must be at most [collector] connections, which is 30, not 31"),
        ("--workers 4 --connections 2", "--workers: must be at most --connections, which is 2, not 4"),
        ("--duration 0", "--duration: must be a number above 0, not 0"),
        ("--duration -5", "--duration: must be a number above 0, not -5"),
        ("--duration nan", "--duration: must be a number above 0, not nan"),
        ("--duration inf", "--duration: must be a number above 0, not inf"),
        ("--streams orderbooks,orderbooks", "--streams: must name each stream once"),
        ("--streams ,", "--streams: there is no stream ''"),
        ("--simulate --url wss://x/", "--url: contradicts --simulate, must be one or the other"),
        ("--simulate --iss-url https://x/iss", "--iss-url: contradicts --simulate, must be one or the other"),
        ("--config /missing.toml", "/missing.toml: cannot be read: no such file or directory"),
        ("--env-file /missing.env", "/missing.env: cannot be read: no such file or directory"),
        ("--summary /missing/x.json", "--summary: there is no folder '/missing'"),
        ("--log-file /missing/x.log", "--log-file: there is no folder '/missing'"),
    ],
)
def test_a_wrong_argument_is_told_by_its_name_fault_and_remedy(tmp_path: Path, arguments: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, arguments)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_is_wrong_even_where_an_argument_wins_over_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not 'six'"):
        loaded(tmp_path, "--workers 3", config='[collector]\nworkers = "six"\n')


@pytest.mark.parametrize("name", ["config.toml", ".env"])
def test_a_usual_file_that_is_there_must_be_readable(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(ConfigError, match=f"{name}: cannot be read: is a directory"):
        loaded(tmp_path)


def test_an_address_argument_contradicts_simulate_wherever_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--url: contradicts .*config.toml: \[run\] simulate"):
        loaded(tmp_path, "--url wss://x/", config="[run]\nsimulate = true\n")
    assert loaded(tmp_path, "--url wss://x/ --no-simulate").exchange.url == "wss://x/"
    assert loaded(tmp_path, "--simulate", MOEX_URL="wss://x/").simulate


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"MOEX_DOMAIN": "passport"}, "MOEX_LOGIN must be set too"),
        ({"MOEX_DOMAIN": "passport", "MOEX_LOGIN": "anna"}, "MOEX_PASSCODE must be set too"),
        ({"MOEX_DOMAIN": "passport", "MOEX_LOGIN": "anna", "MOEX_PASSCODE": ""}, "MOEX_PASSCODE must be set too"),
        ({"MOEX_LOGIN": "anna\r\nx:y"}, "environment: MOEX_LOGIN: must not hold control characters"),
        ({"MOEX_URL": "ws://example.com/"}, "environment: MOEX_URL: ws:// is allowed only to this machine"),
        ({"MOEX_ISS_URL": "ftp://example.com/"}, "environment: MOEX_ISS_URL: must begin with https://"),
    ],
)
def test_a_wrong_environment_is_told_by_variable_fault_and_remedy(
    tmp_path: Path, environment: dict[str, str], told: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, **environment)
    assert told in str(caught.value)
