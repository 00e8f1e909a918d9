"""A Terminal in a process of its own, whose descriptors it takes over."""

import termios

from tests.display import programs
from tests.display.fake_hub import run_apart
from tests.display.pseudo_terminal import PseudoTerminal, pseudo_terminal

LOCAL_MODES, CONTROL_CHARACTERS = 3, 6


def is_echoing(terminal: PseudoTerminal) -> bool:
    modes = terminal.modes[LOCAL_MODES]
    assert isinstance(modes, int)
    return bool(modes & termios.ECHO)


def suspend_character(terminal: PseudoTerminal) -> object:
    characters = terminal.modes[CONTROL_CHARACTERS]
    assert isinstance(characters, list)
    return characters[termios.VSUSP]


def test_the_terminal_becomes_standard_input_and_output_and_its_modes_come_back() -> None:
    with pseudo_terminal(33, 7) as terminal:
        with run_apart(programs.report_terminal, terminal.path) as ours:
            assert ours.recv() == (True, True, terminal.path, (33, 7))
            echoes, suspends = [], []
            for _ in range(3):
                ours.send("next")
                assert ours.recv() == "done"
                echoes.append(is_echoing(terminal))
                suspends.append(suspend_character(terminal))
        assert echoes == [False, False, True]
        assert suspends == [b"\0", b"\0", b"\x1a"], "Ctrl+Z is a key meanwhile"
        assert terminal.modes == terminal.modes_before
        terminal.until(lambda: terminal.text.startswith("bye"), "the farewell was written")
