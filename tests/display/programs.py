"""What the tests run in processes of their own: module-level functions, which the fork server finds by name."""

import os
import signal
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection, wait

from display import app
from shared.settings import DisplaySettings


def draw_screen(
    connection: Connection, settings: DisplaySettings, terminal_path: str, environment: Mapping[str, str]
) -> None:
    """The display as the supervisor starts it, in a given environment."""
    for name in ("NO_COLOR", "COLORTERM", "TERM_PROGRAM", "FORCE_COLOR", "CLICOLOR_FORCE"):
        os.environ.pop(name, None)
    os.environ.update(environment)
    app.main(connection, settings, terminal_path)


def print_lines(connection: Connection, settings: DisplaySettings, output: Connection, report: Connection) -> None:
    """Plain mode with an ASCII pipe as standard output; afterwards `report` gets whether blessed was imported."""
    os.dup2(output.fileno(), 1)
    output.close()
    sys.stdout = open(1, "w", encoding="ascii", closefd=False)  # noqa: SIM115
    app.main(connection, settings, None)
    report.send("blessed" in sys.modules)


def draw_frames(terminal_path: str, frames: list[list[str]], report: Connection) -> None:
    """Draw frame after frame, one for each message from `report`, and leave; `report` gets how each of them went."""
    from display.terminal import Terminal

    terminal = Terminal(terminal_path)
    from display.screen import Screen

    screen = Screen(terminal, has_colours=True)
    screen.enter()
    for frame in frames:
        report.recv()
        is_ready = screen.is_ready()
        if is_ready:
            screen.draw(frame)
        report.send(is_ready)
    screen.leave()


def report_terminal(terminal_path: str, report: Connection) -> None:
    """What a Terminal makes of this process: sent before and after each step, which an incoming message starts."""
    from display.terminal import Terminal

    terminal = Terminal(terminal_path)
    report.send((sys.stdin.isatty(), sys.stdout.isatty(), os.ttyname(0), tuple(terminal.size)))
    for step in (terminal.take_keys, terminal.take_keys, lambda: terminal.give_back("bye")):
        report.recv()
        step()
        report.send("done")


def report_signals(report: Connection) -> None:
    """What becomes of handlers, a wakeup descriptor and an ignored signal that were there before."""
    from display.signals import Recorder, reset_inherited

    foreign, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    os.set_blocking(foreign, False)
    signal.set_wakeup_fd(wakeup)
    signal.signal(signal.SIGUSR1, lambda *_: report.send("the inherited handler ran"))
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    reset_inherited()
    report.send(signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL)
    recorder = Recorder([signal.SIGUSR1, signal.SIGUSR2])
    report.send(bool(wait([recorder.fileno()], 0)))
    for number in (signal.SIGUSR1, signal.SIGUSR1, signal.SIGUSR2):
        os.kill(os.getpid(), number)
    report.send(bool(wait([recorder.fileno()], 10)))
    report.send([sorted(signals) for signals in (recorder.take(), recorder.take())])
    report.send(bool(wait([recorder.fileno(), foreign], 0)))


def draw_screen_of_a_silent_hub(connection: Connection, other_end: Connection, terminal_path: str) -> None:
    """A display whose pipe never ends, because its other end is held here too: only the parent's death can tell it."""
    with other_end:
        draw_screen(connection, DisplaySettings(mode="screen"), terminal_path, {"TERM": "xterm-256color"})
