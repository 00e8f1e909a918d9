"""`make bench`: this program and what else one could run, side by side on the same feed, in one table.

Costs are processor microseconds a message, user and system, over the whole process tree: they bear noise better than
times do. Every client has to tell how many messages it consumed, and the run ends when one is missing.
"""

import argparse
import os
import platform
import sys
from datetime import date

from bench import profile, soak
from bench.report import report
from bench.running import measured
from bench.scenarios import SCENARIOS, Result, Scenario

STEADY_S = 3.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Costs side by side, in one table.")
    parser.add_argument("--quick", action="store_true", help="one round of each")
    parser.add_argument("--only", default="", help="scenarios whose name holds this text")
    parser.add_argument(
        "--profile", action="store_true", help="where the time of this program goes, in place of the table"
    )
    parser.add_argument("--soak", type=int, metavar="MINUTES", help="memory and cost over that time, in place of it")
    chosen = parser.parse_args()
    print(f"{date.today()}, {machine()}", flush=True)
    if chosen.profile:
        profile.main()
    elif chosen.soak:
        soak.main(chosen.soak)
    else:
        print(report(compared([one for one in SCENARIOS if chosen.only in one.name], chosen.quick)))


def compared(scenarios: list[Scenario], is_quick: bool) -> dict[str, list[Result]]:
    """All rounds, in turn: what the machine does besides meets everybody."""
    results: dict[str, list[Result]] = {scenario.name: [] for scenario in scenarios}
    for turn in range(1 if is_quick else max(scenario.rounds for scenario in scenarios)):
        for scenario in scenarios:
            if turn < scenario.rounds:
                results[scenario.name].append(measured(scenario, STEADY_S))
                print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return results


def machine() -> str:
    """What it ran on."""
    return f"{os.cpu_count()} cores {platform.machine()}, Python {platform.python_version()}, {platform.system()}"


if __name__ == "__main__":
    main()
