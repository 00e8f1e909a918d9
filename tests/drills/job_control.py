"""A shell with job control in miniature: runs one program in the foreground of the terminal of its first argument.

`shell` gives the command, to be run in a session of its own. When the program was stopped (Ctrl+Z), the shell takes the
terminal back; SIGUSR1 is its command `fg`. SIGTERM is passed on, and so is the end of the terminal, which the system
tells to the shell alone. Exit code: the program's.
"""

import os
import signal
import subprocess
import sys
import termios
from pathlib import Path


def shell(terminal_path: str) -> tuple[str, ...]:
    """The command; what it is to run are its further arguments."""
    return sys.executable, str(Path(__file__)), terminal_path


def main() -> int:
    # The first terminal that a session leader opens becomes the one of the session.
    terminal = os.open(sys.argv[1], os.O_RDWR)
    modes = termios.tcgetattr(terminal)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = subprocess.Popen(sys.argv[2:], stdout=terminal, preexec_fn=lambda: to_foreground(terminal))
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: os.killpg(job.pid, received))
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    while True:
        _, status = os.waitpid(job.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            return os.waitstatus_to_exitcode(status)
        os.tcsetpgrp(terminal, os.getpgrp())
        termios.tcsetattr(terminal, termios.TCSADRAIN, modes)
        signal.sigwait({signal.SIGUSR1})
        os.tcsetpgrp(terminal, job.pid)
        os.killpg(job.pid, signal.SIGCONT)


def to_foreground(terminal: int) -> None:
    """In the new process: a group of its own, which the terminal's keys concern."""
    os.setpgid(0, 0)
    os.tcsetpgrp(terminal, os.getpid())
    for number in (signal.SIGTTOU, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


if __name__ == "__main__":
    sys.exit(main())
