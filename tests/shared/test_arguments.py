from pathlib import Path
from typing import Any

import pytest

from shared.arguments import Viewing, is_for_a_running_program, parse_arguments, parse_viewing
from shared.errors import ConfigError
from shared.options import Option, Source
from shared.settings import CONFIG_OPTIONS, Settings

DEFAULTS: dict[Option, object] = {
    option: getattr(getattr(Settings(), option.section, Settings()), option.key) for option in CONFIG_OPTIONS
}


def parsed(*arguments: str) -> dict[str, Any]:
    return {str(option): given.value for option, given in parse_arguments(arguments, DEFAULTS).layer.items()}


def test_what_is_not_said_is_not_in_the_layer() -> None:
    assert parse_arguments([], DEFAULTS) == ({}, None, None)


@pytest.mark.parametrize(
    ("arguments", "option", "value"),
    [
        ("--workers 3", "[collector] workers", 3),
        ("--connections=4", "[collector] connections", 4),
        ("--tickers-per-connection 5", "[collector] tickers_per_connection", 5),
        ("--selection unique", "[instruments] selection", "unique"),
        ("--seed 7", "[instruments] seed", 7),
        ("--url wss://x/y", "[exchange] url", "wss://x/y"),
        ("--iss-url https://x/iss", "[exchange] iss_url", "https://x/iss"),
        ("--streams candles,orderbooks", "[exchange] streams", ["candles", "orderbooks"]),
        ("--display none", "[display] mode", "none"),
        ("--theme light", "[display] theme", "light"),
        ("--duration 1.5", "[run] duration_s", 1.5),
        ("--duration -1", "[run] duration_s", -1),
        ("--summary 5", "[run] summary", "5"),
        ("--log-file x.log", "[log] file", "x.log"),
        ("--log-level debug", "[log] level", "debug"),
        ("--log-format json", "[log] format", "json"),
        ("--socket none", "[service] socket", "none"),
        ("--simulate", "[run] simulate", True),
        ("--no-simulate", "[run] simulate", False),
        ("--workers six", "[collector] workers", "six"),
        ("--workers 3 --workers 4", "[collector] workers", 4),
    ],
)
def test_each_option_of_the_command_line_is_an_option_of_config_toml(arguments: str, option: str, value: Any) -> None:
    assert parsed(*arguments.split()) == {option: value}
    assert type(parsed(*arguments.split())[option]) is type(value)


def test_an_argument_is_told_by_its_own_name() -> None:
    (given,) = parse_arguments(["--workers", "3"], DEFAULTS).layer.values()
    assert given.origin == "--workers"
    assert given.source is Source.ARGUMENT


def test_other_files_can_be_named() -> None:
    spoken = parse_arguments(["--config", "a.toml", "--env-file", "b.env"], DEFAULTS)
    assert (spoken.config, spoken.env_file) == (Path("a.toml"), Path("b.env"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("--workers", "--workers: expected one argument"),
        ("--workrs 3", "unknown argument '--workrs', did you mean --workers?"),
        ("--worker 3", "unknown argument '--worker', did you mean --workers?"),
        ("--zzz", "unknown argument '--zzz', allowed: --workers, "),
        ("atach", "'atach': unknown argument; see --help"),
        ("--workers 2 attach", "attach: must be the first argument"),
        ("--passcode hunter2", "MOEX_PASSCODE in the environment or .env"),
        ("--passcode=hunter2", "MOEX_PASSCODE in the environment or .env"),
        ("--pass=hunter2", "unknown argument '--pass'"),
        ("-phunter2", "'-p': unknown argument"),
    ],
)
def test_wrong_usage_is_one_line_that_repeats_no_value(arguments: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parsed(*arguments.split())
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_version_is_the_one_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parsed("--version")
    assert caught.value.code == 0
    version = capsys.readouterr().out.split()[-1]
    project = Path(__file__).parent.parent.parent / "pyproject.toml"
    assert f'\nversion = "{version}"\n' in project.read_text("utf-8")


def test_help_tells_every_option_with_its_default(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    with pytest.raises(SystemExit) as caught:
        parsed("--help")
    assert caught.value.code == 0
    told = capsys.readouterr().out
    described = {line.split()[0]: line for line in told.splitlines() if line.startswith("  --")}
    assert described["--workers"].endswith("(default: 6)")
    assert described["--streams"].endswith("(default: orderbooks,securities)")
    assert described["--duration"].endswith("(default: none)")
    for name in ("--connections", "--selection", "--url", "--config", "--env-file", "--simulate", "MOEX_PASSCODE"):
        assert name in told


# ---- attach and health


def viewing(*arguments: str) -> Viewing:
    return parse_viewing(arguments, DEFAULTS)[1]


def test_a_viewer_s_command_comes_first() -> None:
    assert is_for_a_running_program(["attach", "--once"])
    assert is_for_a_running_program(["health"])
    assert not is_for_a_running_program(["--simulate", "attach"])
    assert not is_for_a_running_program([])


def test_what_a_viewer_can_be_asked_for() -> None:
    assert viewing("attach") == Viewing("attach")
    assert viewing("attach", "--follow") == Viewing("attach", is_following=True)
    assert viewing("attach", "--once", "--format", "csv") == Viewing("attach", is_once=True, output="csv")
    assert viewing("health") == Viewing("health")


def test_the_options_of_a_viewer_are_options_of_config_toml() -> None:
    spoken, _ = parse_viewing(["attach", "--socket", "/a/b", "--theme", "light", "--config", "a.toml"], DEFAULTS)
    assert {str(option): given.value for option, given in spoken.layer.items()} == {
        "[service] socket": "/a/b",
        "[display] theme": "light",
    }
    assert spoken.config == Path("a.toml")
    spoken, _ = parse_viewing(["health", "--max-age", "90"], DEFAULTS)
    assert {str(option): given.value for option, given in spoken.layer.items()} == {"[service] health_max_age_s": 90}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("attach --once --follow", "--once: contradicts --follow, must be one or the other"),
        ("attach --format json", "--format: is only allowed together with --once"),
        ("attach --once --format xml", "--format: must be one of table, json, csv, not 'xml'"),
        ("attach --simulate", "unknown argument '--simulate', allowed: --theme, --socket, --once, "),
        ("attach --passcode=hunter2", "MOEX_PASSCODE in the environment or .env"),
        ("health --maxage 3", "unknown argument '--maxage', did you mean --max-age?"),
        ("health --zzz", "unknown argument '--zzz', allowed: --socket, --max-age, --config, --help"),
        ("health hunter2", "'hunter2': unknown argument; see --help"),
    ],
)
def test_wrong_usage_of_a_viewer_is_one_line(arguments: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        viewing(*arguments.split())
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("command", "names"), [("attach", ["--once", "--follow", "--format", "69"]), ("health", ["--max-age", "unhealthy"])]
)
def test_each_command_has_a_help_of_its_own(
    command: str, names: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with pytest.raises(SystemExit) as caught:
        viewing(command, "--help")
    assert caught.value.code == 0
    told = capsys.readouterr().out
    assert all(name in told for name in [*names, f"python run.py {command}", "--socket", "--config"])
    with pytest.raises(SystemExit):
        parsed("--help")
    assert f"python run.py {command}" in capsys.readouterr().out
