import os
from pathlib import Path

import pytest

from shared.service_socket import AUTO, NONE, folder_fault, is_named, length_fault, own_paths, paths_to_try

SYSTEM = Path("/run/moex-monitor/monitor.sock")


def test_a_program_puts_its_socket_into_the_runtime_folder() -> None:
    assert own_paths({"RUNTIME_DIRECTORY": "/run/x"}) == [Path("/run/x/monitor.sock")]
    fallback = Path(f"/tmp/moex-monitor-{os.geteuid()}/monitor.sock")
    assert own_paths({"XDG_RUNTIME_DIR": "/run/user/0"}) == [Path("/run/user/0/moex-monitor/monitor.sock"), fallback]


def test_a_viewer_looks_where_a_program_of_the_user_may_be_and_then_where_the_service_is(tmp_path: Path) -> None:
    environment = {"XDG_RUNTIME_DIR": str(tmp_path), "TMPDIR": str(tmp_path)}
    session = Path(f"/run/user/{os.geteuid()}/moex-monitor/monitor.sock")
    assert paths_to_try(AUTO, environment) == [*own_paths(environment), session, SYSTEM]
    assert paths_to_try(AUTO, {"XDG_RUNTIME_DIR": str(session.parents[1]), "TMPDIR": str(tmp_path)}) == [
        session,
        tmp_path / f"moex-monitor-{os.geteuid()}" / "monitor.sock",
        SYSTEM,
    ]
    assert paths_to_try(AUTO, {"RUNTIME_DIRECTORY": str(SYSTEM.parent)}) == [SYSTEM]
    assert paths_to_try("/a/b", environment) == [Path("/a/b")]


def test_a_viewer_does_not_look_into_a_folder_in_which_anybody_could_have_put_a_socket(tmp_path: Path) -> None:
    folder = tmp_path / "moex-monitor"
    folder.mkdir()
    folder.chmod(0o777)
    environment = {"XDG_RUNTIME_DIR": str(tmp_path), "TMPDIR": str(tmp_path)}
    assert folder / "monitor.sock" not in paths_to_try(AUTO, environment)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_a_viewer_does_not_look_into_the_session_of_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir(mode=0)
    environment = {"XDG_RUNTIME_DIR": str(tmp_path / "theirs"), "XDG_STATE_HOME": str(tmp_path)}
    assert paths_to_try(AUTO, environment)[0] == tmp_path / "moex-monitor" / "monitor.sock"


@pytest.mark.parametrize(
    ("setting", "environment", "expected"),
    [
        (AUTO, {}, False),
        (NONE, {}, False),
        ("/a/b", {}, True),
        (AUTO, {"RUNTIME_DIRECTORY": "/run/x"}, True),
        (AUTO, {"XDG_RUNTIME_DIR": "/run/x"}, False),
    ],
)
def test_a_socket_is_named_by_a_path_and_by_the_service_manager(
    setting: str, environment: dict[str, str], expected: bool
) -> None:
    assert is_named(setting, environment) is expected


def test_a_path_is_too_long_by_its_bytes() -> None:
    assert length_fault("x" * 107) is None
    assert length_fault("й" * 54) == "is 108 bytes long, a socket's path has at most 107"


def test_a_folder_must_be_ours_alone(tmp_path: Path) -> None:
    assert folder_fault(tmp_path) is None
    tmp_path.chmod(0o775)
    assert folder_fault(tmp_path) == "may be written to by others"
    (tmp_path / "file").touch()
    assert folder_fault(tmp_path / "file") == "is no folder"
    assert folder_fault(tmp_path / "gone") == "cannot be used: No such file or directory"


def test_a_link_of_our_own_leads_to_a_folder(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    assert folder_fault(tmp_path / "link") is None
    (tmp_path / "dead").symlink_to(tmp_path / "gone")
    assert folder_fault(tmp_path / "dead") == "cannot be used: No such file or directory"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/run")
    os.lchown(tmp_path / "link", 12345, 12345)
    assert folder_fault(tmp_path / "link") == "belongs to somebody else"
    os.chown(tmp_path, 12345, 12345)
    assert folder_fault(tmp_path) == "belongs to somebody else"
