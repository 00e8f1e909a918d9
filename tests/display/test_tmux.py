"""The screen inside tmux, which has opinions of its own."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collector.waiting import wait_until

PROJECT = Path(__file__).parent.parent.parent
PROGRAM = "from tests.display.programs import draw_here; draw_here('SBER')"

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is what it is about")


class Tmux:
    def __init__(self, socket: Path) -> None:
        self._command = ["tmux", "-S", str(socket), "-f", "/dev/null"]

    def __call__(self, *arguments: str) -> str:
        """What tmux answers; empty when it refuses."""
        return subprocess.run([*self._command, *arguments], capture_output=True, text=True, cwd=PROJECT).stdout


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    made = Tmux(tmp_path / "socket")
    made("new-session", "-d", "-x", "80", "-y", "24", "sh")
    made("set", "-s", "set-clipboard", "on")
    yield made
    made("kill-server")


def test_a_frame_is_drawn_a_text_copied_and_the_normal_screen_comes_back(tmux: Tmux) -> None:
    tmux("send-keys", f'{sys.executable} -c "{PROGRAM}"', "Enter")
    wait_until(lambda: tmux("show-buffer") == "SBER")
    assert tmux("capture-pane", "-p").splitlines()[0] == "SBER"
    assert tmux("display-message", "-p", "#{alternate_on} #{cursor_flag}") == "1 0\n"
    tmux("send-keys", "Enter")
    wait_until(lambda: tmux("display-message", "-p", "#{alternate_on} #{cursor_flag} #{wrap_flag}") == "0 1 1\n")
    assert PROGRAM.partition(";")[0] in tmux("capture-pane", "-p", "-J")
