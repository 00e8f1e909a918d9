"""The whole program inside tmux, where many keep it open all day: its keys, its window, and its ends."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.display.test_tmux import Tmux
from tests.process.conftest import SMALL
from tests.process.program import CHECKOUT, wait_for

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is what it is about")

WHOLE = "0 1 1\n"


class Pane:
    """A pane in which the program's table is drawn."""

    def __init__(self, tmux: Tmux, folder: Path) -> None:
        self.tmux = tmux
        tmux("new-session", "-d", "-x", "100", "-y", "30", "sh")
        program = f"{sys.executable} {CHECKOUT / 'run.py'} --simulate {' '.join(SMALL)} --log-file {folder}/log"
        tmux("send-keys", f"XDG_STATE_HOME={folder} {program}; echo ended=$?", "Enter")
        self.until_shown("Connections: 4/4")

    def until_shown(self, text: str) -> None:
        wait_for(lambda: text in self.text, f"{text!r} is shown")

    @property
    def text(self) -> str:
        return self.tmux("capture-pane", "-p", "-J")

    @property
    def state(self) -> str:
        """Whether the alternate screen is on, the cursor shown, and lines wrapped."""
        return self.tmux("display-message", "-p", "#{alternate_on} #{cursor_flag} #{wrap_flag}")


@pytest.fixture
def pane(tmp_path: Path) -> Iterator[Pane]:
    tmux = Tmux(tmp_path / "socket")
    try:
        yield Pane(tmux, tmp_path)
    finally:
        tmux("kill-server")


def test_keys_are_heard_and_every_size_of_the_window_is_filled(pane: Pane) -> None:
    for key, text in (("2", "Last reason"), ("3", "events, the newest first"), ("?", "the row above"), ("1", "Volume")):
        pane.tmux("send-keys", key)
        pane.until_shown(text)
    pane.tmux("send-keys", "Down", "Enter")
    pane.until_shown("Order book")
    pane.tmux("send-keys", "Escape")
    for columns, lines, text in (("40", "10", "LAST     Age"), ("200", "50", "Exch."), ("60", "20", "Chg %     Age")):
        pane.tmux("resize-window", "-x", columns, "-y", lines)
        pane.until_shown(text)
        wait_for(lambda: "SIMULATED EXCHANGE" in pane.text.partition("\n")[0], "it is called so at every size")


@pytest.mark.parametrize("key", ["q", "C-c"])
def test_a_key_ends_it_and_the_pane_is_as_before(pane: Pane, key: str) -> None:
    pane.tmux("send-keys", key)
    pane.until_shown("ended=0")
    assert pane.state == WHOLE
    assert "Final statistics" in pane.text
