"""`make install` into places of its own, from a virtual environment that is there: no network is needed."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.process.conftest import SMALL
from tests.process.program import CHECKOUT, LIMIT_S

PREFIX, CONFIG, UNIT = "opt/moex-monitor", "etc/moex-monitor", "etc/systemd/system/moex-monitor.service"
Asked = Callable[[], list[str]]
"""One line for each call since the last look."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the packages of the one that runs the tests."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "those_of_the_tests.pth").write_text(sysconfig.get_path("purelib"))
    return folder


def make(target: str, root: Path | str, *variables: str) -> str:
    command = ["make", "--no-print-directory", target, f"DESTDIR={root}", *variables]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() or path.is_symlink()}


def test_the_installed_service_runs_as_its_unit_says(environment: Path, tmp_path: Path) -> None:
    make("install", tmp_path, f"FROM_VENV={environment}")
    unit = (tmp_path / UNIT).read_text()
    command = re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    assert command is not None
    words = shlex.split(command.group(1).replace("/opt/", f"{tmp_path}/opt/").replace("/etc/", f"{tmp_path}/etc/"))
    assert words[0] == f"{tmp_path}/{PREFIX}/.venv/bin/python"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(LIMIT_S)
        folders = {name: str(tmp_path) for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "RUNTIME_DIRECTORY")}
        service = subprocess.Popen(
            [*words, "--simulate", *SMALL],
            cwd="/",
            env={"PATH": os.defpath, "NOTIFY_SOCKET": str(tmp_path / "notify"), **folders},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            while b"READY=1" not in manager.recv(65_536):
                pass
            service.send_signal(signal.SIGTERM)
            output = service.communicate(timeout=LIMIT_S)[0]
        finally:
            service.kill()
            service.wait(LIMIT_S)
    assert service.returncode == 0
    assert b"Final statistics" in output


def test_everybody_may_read_the_program_and_only_root_the_login(environment: Path, tmp_path: Path) -> None:
    make("install", tmp_path, f"FROM_VENV={environment}")
    installed = [path for path in (tmp_path / PREFIX).rglob("*") if not path.is_symlink()]
    assert len(installed) > 50
    assert [path for path in installed if path.stat().st_mode & 0o444 != 0o444] == []
    assert [path for path in installed if path.stat().st_mode & 0o022] == []
    assert (tmp_path / CONFIG / "env").stat().st_mode & 0o777 == 0o600


def test_what_the_rules_and_the_unit_point_to_is_installed(environment: Path, tmp_path: Path) -> None:
    make("install", tmp_path, f"FROM_VENV={environment}")
    for name in ("alerts.yml", "moex-monitor.service"):
        paths = re.findall(r"/opt/moex-monitor/[\w./-]+", (CHECKOUT / "deploy" / name).read_text())
        assert paths
        assert [path for path in paths if not (tmp_path / path.lstrip("/")).exists()] == [], name


def test_a_second_install_replaces_the_program_and_keeps_the_settings(environment: Path, tmp_path: Path) -> None:
    make("install", tmp_path, f"FROM_VENV={environment}")
    before = files_in(tmp_path)
    (tmp_path / PREFIX / "collector/of_an_older_version.py").write_text("")
    (tmp_path / CONFIG / "config.toml").write_text("# mine\n")
    (tmp_path / CONFIG / "env").write_text("MOEX_LOGIN=mine\n")
    make("install", tmp_path, f"FROM_VENV={environment}")
    assert files_in(tmp_path) == before
    assert (tmp_path / PREFIX / "config.toml").read_text() == "# mine\n"  # what attach and health read
    assert (tmp_path / CONFIG / "config.toml").read_text() == "# mine\n"
    assert (tmp_path / CONFIG / "env").read_text() == "MOEX_LOGIN=mine\n"


def test_uninstall_leaves_the_settings_alone(environment: Path, tmp_path: Path) -> None:
    make("install", tmp_path, f"FROM_VENV={environment}")
    (tmp_path / PREFIX / "somebody_elses.txt").write_text("")
    said = make("uninstall", tmp_path)
    assert files_in(tmp_path) == {f"{CONFIG}/config.toml", f"{CONFIG}/env", f"{PREFIX}/somebody_elses.txt"}
    assert "/etc/moex-monitor is left" in said
    make("uninstall", tmp_path)


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Of a systemctl, and of a virtual environment's Python, that do nothing."""
    stub, record = tmp_path / "stub/bin/systemctl", tmp_path / "stub/record"
    stub.parent.mkdir(parents=True)
    stub.write_text(f'#!/bin/sh\necho "${{0##*/}} $*" >> {record}\n')
    stub.chmod(0o755)
    stub.with_name("python").symlink_to(stub)
    record.touch()
    monkeypatch.setenv("PATH", str(stub.parent), prepend=os.pathsep)

    def look() -> list[str]:
        lines = record.read_text().splitlines()
        record.write_text("")
        return lines

    return look


@pytest.mark.parametrize("runs_systemd", [True, False])
def test_without_a_root_folder_it_is_in_other_places_of_this_machine_whose_systemd_is_told(
    tmp_path: Path, asked: Asked, runs_systemd: bool
) -> None:
    """If one runs. The interpreter is checked for this machine, and no path is cut where bytecode is made."""
    prefix, config, units = (tmp_path / "root" / name for name in ("srv/monitor", "etc/elsewhere", "lib/systemd"))
    places = [f"PREFIX={prefix}", f"CONFIG_DIR={config}", f"UNIT_DIR={units}"]
    places.append(f"SYSTEMD_FOLDER={tmp_path / ('stub' if runs_systemd else 'nowhere')}")
    make("install", "", f"FROM_VENV={tmp_path}/stub", *places)
    checked, compiled, *told = asked()
    assert checked.split() == ["python", "deploy/check_python.py"]
    assert compiled == f"python -m compileall -q {prefix} -x [.]venv"
    assert told == (["systemctl daemon-reload"] if runs_systemd else [])
    unit = (units / "moex-monitor.service").read_text()
    assert f"ExecStart={prefix}/.venv/bin/python {prefix}/run.py --config {config}/config.toml" in unit
    assert f"EnvironmentFile=-{config}/env" in unit
    assert "/opt/moex-monitor" not in unit
    assert (prefix / "run.py").exists()
    make("uninstall", "", *places)
    assert asked() == (["systemctl disable --now moex-monitor", "systemctl daemon-reload"] if runs_systemd else [])
    assert files_in(tmp_path / "root") == {"etc/elsewhere/config.toml", "etc/elsewhere/env"}
