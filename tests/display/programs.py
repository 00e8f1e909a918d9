"""What the tests run in processes of their own: module-level functions, which the fork server finds by name."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection, wait

from display import app
from display.views import Line, Role, Span
from shared.processes import ChildProcess
from shared.settings import DisplaySettings, LogSettings


def take_environment(environment: Mapping[str, str]) -> None:
    """Only what is given tells of the terminal and of the user's folders."""
    for name in ("NO_COLOR", "COLORTERM", "TERM_PROGRAM", "FORCE_COLOR", "CLICOLOR_FORCE", "LC_ALL", "LC_CTYPE"):
        os.environ.pop(name, None)
    for name in ("HOME", "XDG_STATE_HOME"):
        os.environ.pop(name, None)
    os.environ.update({"TERM": "xterm-256color", "LANG": "C.UTF-8"} | dict(environment))


def draw_screen(
    connection: Connection,
    settings: DisplaySettings,
    terminal_path: str,
    environment: Mapping[str, str],
    log_settings: LogSettings,
) -> None:
    """The display as the supervisor starts it, in a given environment."""
    take_environment(environment)
    ChildProcess(target=app.main, args=(connection, settings, terminal_path, log_settings)).run()


def print_lines(connection: Connection, settings: DisplaySettings, output: Connection, report: Connection) -> None:
    """Plain mode with an ASCII pipe as standard output; afterwards `report` gets whether blessed was imported."""
    os.dup2(output.fileno(), 1)
    output.close()
    sys.stdout = open(1, "w", encoding="ascii", closefd=False)  # noqa: SIM115
    app.main(connection, settings, None, LogSettings())
    report.send("blessed" in sys.modules)


def draw_frames(
    terminal_path: str, frames: list[list[Line] | str], report: Connection, theme: str, environment: Mapping[str, str]
) -> None:
    """Enter the screen, draw frame after frame, one for each message from `report`, and leave.

    `report` gets a message once it is entered, then how each frame went. A frame that is a text is copied instead.
    """
    take_environment(environment)
    from display.characters import encoding_of, glyphs_of
    from display.terminal import Terminal

    terminal = Terminal(terminal_path, encoding_of(environment))
    from display.screen import Screen

    screen = Screen(terminal, theme=theme, glyphs=glyphs_of(environment))
    screen.enter()
    report.send("entered")
    for frame in frames:
        report.recv()
        is_ready = screen.is_ready()
        if isinstance(frame, str):
            screen.copy(frame)
        elif is_ready:
            screen.draw(frame)
        report.send(is_ready)
    screen.leave()


def report_keys(terminal_path: str, report: Connection) -> None:
    """Enter the screen; `report` gets a message then, and the keys pressed for each one that it sends."""
    take_environment({})
    from display.terminal import Terminal

    terminal = Terminal(terminal_path)
    from display.screen import Screen

    screen = Screen(terminal)
    screen.enter()
    report.send("entered")
    while report.recv() == "next":
        report.send(screen.pressed())
    screen.leave()


def draw_here(text: str) -> None:
    """Draw a text on the terminal of standard input and copy it; leave when a line comes."""
    from display.terminal import Terminal

    terminal = Terminal(os.ttyname(0))
    from display.screen import Screen

    screen = Screen(terminal)
    screen.enter()
    screen.draw([(Span(text, Role.SIMULATED),)])
    screen.copy(text)
    sys.stdin.readline()
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


def stop_by_signal(report: Connection, *, is_for_all: bool) -> None:
    """Stops like after Ctrl+Z, in a process group of its own with one other process, whose number `report` gets."""
    from display.signals import Recorder

    os.setpgid(0, 0)
    with subprocess.Popen(["sleep", "60"]) as other:
        recorder = Recorder([signal.SIGTSTP, signal.SIGCONT])
        report.send(other.pid)
        if is_for_all:
            recorder.ask_to_stop_all()
        else:
            os.kill(os.getpid(), signal.SIGTSTP)
        report.send((bool(wait([recorder.fileno()], 10)), recorder.take()))
        recorder.stop_self()
        report.send(recorder.take())
        other.kill()


def draw_screen_of_a_silent_hub(connection: Connection, other_end: Connection, terminal_path: str) -> None:
    """A display whose pipe never ends, because its other end is held here too: only the parent's death can tell it."""
    with other_end:
        draw_screen(connection, DisplaySettings(mode="screen"), terminal_path, {}, LogSettings())
