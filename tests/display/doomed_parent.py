"""A parent for the tests to kill: starts a display on the terminal of its argument, and waits.

Run as `python -m tests.display.doomed_parent TERMINAL`.
"""

import multiprocessing
import sys

from tests.display.programs import draw_screen_of_a_silent_hub

if __name__ == "__main__":
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe()
    process = context.Process(target=draw_screen_of_a_silent_hub, args=(theirs, ours, sys.argv[1]))
    process.start()
    process.join()
