"""The image and its compose file, without an engine: what they promise, and that the program lives under it."""

import fnmatch
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from shared import __version__
from tests.display.pseudo_terminal import ENTER_ALTERNATE, LEAVE_ALTERNATE, PseudoTerminal, pseudo_terminal
from tests.drills.test_endings import STOP_LIMIT_S
from tests.process.conftest import SMALL
from tests.process.program import CHECKOUT, LIMIT_S

UID = "10001"
SECRETS = ("passcode", "password", "secret", "login")


class Instruction(NamedTuple):
    name: str
    text: str


def stages() -> list[list[Instruction]]:
    """The instructions of each stage, its FROM first."""
    joined = re.sub(r"^#.*\n", "", (CHECKOUT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    found: list[list[Instruction]] = []
    for line in filter(None, joined.splitlines()):
        name, _, text = line.strip().partition(" ")
        if name == "FROM":
            found.append([])
        found[-1].append(Instruction(name, " ".join(text.split())))
    return found


def last(name: str) -> str:
    """The text of the only such instruction of the last stage."""
    (text,) = [instruction.text for instruction in stages()[-1] if instruction.name == name]
    return text


def image_environment() -> dict[str, str]:
    return dict(word.split("=", 1) for word in shlex.split(last("ENV")))


def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
    return document


# What the files promise


def test_both_stages_begin_with_the_same_slim_image_of_one_release() -> None:
    bases = [stage[0].text.split()[0] for stage in stages()]
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", bases[0])


def test_the_last_stage_installs_nothing() -> None:
    runs = " ".join(text for name, text in stages()[-1] if name == "RUN")
    assert not re.search(r"\b(apt|apt-get|pip|gcc|build-essential|curl|wget)\b", runs)
    assert all(text.startswith("--from=build ") for name, text in stages()[-1] if name in ("COPY", "ADD"))


def test_packages_are_installed_by_their_hashes_only() -> None:
    installs = [text for stage in stages() for name, text in stage if name == "RUN" and "pip install" in text]
    assert len(installs) == 1
    assert "--require-hashes" in installs[0]


def test_it_runs_as_a_user_without_rights_who_owns_only_its_two_folders() -> None:
    assert last("USER") == f"{UID}:{UID}"
    made = next(text for name, text in stages()[-1] if name == "RUN")
    assert f"--owner={UID} --group={UID} --mode=0700 /run/moex-monitor /var/lib/moex-monitor" in made
    environment = image_environment()
    assert environment["RUNTIME_DIRECTORY"] == "/run/moex-monitor"
    assert environment["XDG_STATE_HOME"] == environment["XDG_CACHE_HOME"] == "/var/lib"


def test_it_is_stopped_asked_and_labelled() -> None:
    assert last("STOPSIGNAL") == "SIGTERM"
    assert all(float(service["stop_grace_period"][:-1]) > STOP_LIMIT_S for service in compose()["services"].values())
    health = last("HEALTHCHECK")
    assert json.loads(health.partition("CMD ")[2]) == [*json.loads(last("ENTRYPOINT")), "health"]
    labels = dict(word.split("=", 1) for word in shlex.split(last("LABEL")))
    assert labels["org.opencontainers.image.version"] == __version__
    assert {"title", "description", "licenses"} < {name.rpartition(".")[2] for name in labels}


def test_no_secret_is_in_the_image_or_the_compose_file() -> None:
    for name in ("Dockerfile", "docker-compose.yml"):
        text = re.sub(r"#.*", "", (CHECKOUT / name).read_text()).lower()
        assert not [word for word in SECRETS if word in text.replace("nologin", "")]
    ignored = (CHECKOUT / ".dockerignore").read_text().splitlines()
    assert ignored[0] == "*"
    assert not [line for line in ignored if line.startswith("!") and fnmatch.fnmatch(".env", line[1:])]


@pytest.mark.parametrize("name", ["monitor", "demo"])
def test_each_service_is_locked_up_and_can_be_attached_to(name: str) -> None:
    service = compose()["services"][name]
    assert service["tty"] is service["stdin_open"] is service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert "ports" not in service
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}
    assert service["ulimits"]["core"] == 0
    assert service["image"].rpartition(":")[2] == __version__
    writable = [entry.partition(":")[0] for entry in service["tmpfs"]]
    writable += [entry.partition(":")[2] for entry in service.get("volumes", [])]
    assert sorted(writable) == ["/run/moex-monitor", "/tmp", "/var/lib/moex-monitor"]
    assert f"/run/moex-monitor:mode=0700,uid={UID},gid={UID}" in service["tmpfs"][1]


def test_the_monitor_comes_back_with_the_login_of_env_and_the_demo_is_only_there_when_asked_for() -> None:
    monitor, demo = (compose()["services"][name] for name in ("monitor", "demo"))
    assert monitor["restart"] == "unless-stopped"
    assert monitor["env_file"] == [{"path": ".env", "required": False}]
    assert "profiles" not in monitor
    assert set(compose()["volumes"]) == {entry.partition(":")[0] for entry in monitor["volumes"]}
    assert demo["profiles"] == ["demo"]
    assert demo["command"] == ["--simulate"]
    assert "env_file" not in demo
    assert demo["network_mode"] == "none"


def test_hadolint_finds_nothing_to_say() -> None:
    hadolint = shutil.which("hadolint", path=Path(sys.executable).parent) or shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed")
    done = subprocess.run([hadolint, "Dockerfile"], cwd=CHECKOUT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")


# The program under it


def is_let_through(source: str) -> bool:
    """By .dockerignore, whose last line that fits decides."""
    verdict = True
    for line in (CHECKOUT / ".dockerignore").read_text().splitlines():
        pattern = line.lstrip("!").removeprefix("**/")
        if fnmatch.fnmatch(source, pattern) or fnmatch.fnmatch(source.partition("/")[0], pattern):
            verdict = line.startswith("!")
    return verdict


def build(image: Path) -> None:
    """What the COPY instructions of the first stage bring into /app."""
    for name, text in stages()[0]:
        if name == "COPY":
            *sources, target = text.split()
            for source in sources:
                assert is_let_through(source), source
                place = image / target.lstrip("/")
                if (CHECKOUT / source).is_dir():
                    shutil.copytree(CHECKOUT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    place.mkdir(parents=True, exist_ok=True) if target.endswith("/") else None
                    shutil.copy(CHECKOUT / source, place)


CONTAINER = """
set -e
mount --bind / / && mount -o remount,bind,ro /
mount -t tmpfs -o mode=0755 tmpfs /mnt && mkdir /mnt/app /mnt/python /mnt/packages
mount --bind "$1" /mnt/app && mount -o remount,bind,ro /mnt/app
mount --bind "$2" /mnt/python && mount --bind "$3" /mnt/packages
for folder in run var/lib; do
    mount -t tmpfs -o mode=0755 tmpfs /$folder
    mkdir -m 0700 /$folder/moex-monitor && chown UID:UID /$folder/moex-monitor
    mount -o remount,ro /$folder
done
mount -t tmpfs -o mode=0700,uid=UID,gid=UID tmpfs /run/moex-monitor
mount --bind "$4" /var/lib/moex-monitor && mount -o remount,bind,rw /var/lib/moex-monitor
mount -t tmpfs -o mode=1777 tmpfs /tmp
cd /mnt/app
shift 4
exec setpriv --reuid=UID --regid=UID --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs "$@"
""".replace("UID", UID)
"""A root file system that cannot be written to, and nobody's rights."""


def shows_table(terminal: PseudoTerminal) -> bool:
    return "SIMULATED" in terminal.text and bool(re.search(r"(?m)^ +GAZP +\d+\.\d\d", terminal.text))


def is_healthy(said: str) -> bool:
    return bool(re.search(r"(?m)^healthy: [1-4](/| of )4", said))  # the first is enough


def is_left(terminal: PseudoTerminal) -> bool:
    """Whether the terminal is as it was before, with the final statistics below."""
    said = terminal.written.rpartition(LEAVE_ALTERNATE)[2].decode(errors="replace")
    return ENTER_ALTERNATE in terminal.written and terminal.is_whole and "Final statistics" in said


def can_isolate() -> bool:
    trial = ["unshare", "--mount", "--pid", "--fork", "--propagation", "private", "mount", "-t", "tmpfs", "t", "/mnt"]
    tools = all(shutil.which(name) for name in ("unshare", "setsid", "setpriv", "mount"))
    return os.geteuid() == 0 and tools and not subprocess.run(trial, capture_output=True).returncode


@pytest.mark.skipif(not can_isolate(), reason="no rights, or no tools, to make a read-only root file system")
def test_the_entry_point_runs_as_its_user_on_a_read_only_file_system_and_is_healthy(tmp_path: Path) -> None:
    """As process 1 of its own on a terminal of its own, as in a container with `tty: true`, with nothing in its
    environment but what the image and the engine set."""
    build(tmp_path)
    assert (tmp_path / "app/run.py").exists()
    python = f"/mnt/python/bin/python{sys.version_info[0]}.{sys.version_info[1]}"
    of_the_test = {"PATH": os.defpath, "PYTHONPATH": "/mnt/packages", "LD_LIBRARY_PATH": "/mnt/python/lib"}
    environment = image_environment() | of_the_test | {"TERM": "xterm"}
    assert "HOME" not in environment
    as_image = ["env", "-i", *(f"{name}={value}" for name, value in environment.items()), python]
    command = [word.replace("/app/", "/mnt/app/") for word in json.loads(last("ENTRYPOINT"))[1:]]
    volume, beside = tmp_path / "volume", tmp_path / "beside.txt"
    volume.mkdir(0o700)
    mounts = [str(tmp_path / "app"), sys.base_prefix, sysconfig.get_path("purelib"), str(volume)]
    isolate = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"]
    asks = f"until {shlex.join([*as_image, *command, 'health'])}; do sleep 0.2; done >&2"
    run = f"exec {shlex.join([*as_image, *command, '--simulate', *SMALL])} 2>&1"
    with pseudo_terminal(100, 30) as terminal, Path(terminal.path).open("r+b", buffering=0) as device:
        for given in (terminal.path, volume):
            os.chown(given, int(UID), int(UID))
        with beside.open("wb") as error_output:
            process = subprocess.Popen(
                [*isolate, "setsid", "--ctty", "sh", "-c", CONTAINER, "sh", *mounts, "sh", "-c", f"{asks} & {run}"],
                stdin=device,
                stdout=device,
                stderr=error_output,
                start_new_session=True,
            )
        try:
            terminal.until(lambda: shows_table(terminal), "the table is drawn")
            terminal.until(lambda: is_healthy(beside.read_text()), "it is healthy")
            (first,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            os.kill(int(first), signal.SIGTERM)
            terminal.until(lambda: process.poll() is not None and is_left(terminal), "the screen is left in order")
        finally:
            process.kill()
            process.wait(LIMIT_S)
    output = terminal.written.decode() + beside.read_text() + (volume / "monitor.log").read_text()
    assert process.returncode == 0, output
    assert "Traceback" not in output
    assert "ead-only" not in output


def test_a_folder_that_cannot_be_written_to_is_no_reason_to_end(tmp_path: Path) -> None:
    """As with `docker run --read-only` and no --tmpfs: what cannot be kept is said, and all else goes on."""
    nowhere = "/proc/nowhere"
    folders = dict.fromkeys(("RUNTIME_DIRECTORY", "XDG_STATE_HOME", "XDG_CACHE_HOME"), nowhere)
    program = subprocess.Popen(
        [sys.executable, str(CHECKOUT / "run.py"), "--simulate", "--display", "none", *SMALL],
        cwd="/proc",
        env={"PATH": os.defpath, **folders},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert program.stderr is not None
    try:
        os.set_blocking(program.stderr.fileno(), False)
        said, end = b"", time.monotonic() + LIMIT_S
        while said.count(b"is online") < 4:
            assert time.monotonic() < end, said
            said += program.stderr.read() or b""
            time.sleep(0.02)
        program.send_signal(signal.SIGTERM)
        assert program.wait(LIMIT_S) == 0
    finally:
        program.kill()
        program.communicate()
    assert b"attach and health cannot see this program" in said
