"""`make profile`: where the time of this program goes, sampled by py-spy over all its processes."""

import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from bench.running import SETTLE_S, running
from bench.scenarios import OURS, SCENARIOS

SAMPLES_A_SECOND = 400
SHOWN = 20
WAITING = ("Condition.wait ", "Gathering.wait ", "_PollLikeSelector.select ", "EpollSelector.select ", "thread (")
BLAST, PACE_S = 3_000_000, 15.0
_line_number = re.compile(r":\d+(?=\)$)")


def main() -> None:
    """Print the functions in which samples were taken, during a blast and at a steady pace."""
    scenario = next(one for one in SCENARIOS if one.name == OURS)
    blast = {"do": "blast", "messages": BLAST}
    pace = {"do": "pace", "rate": scenario.rate, "seconds": PACE_S}
    for title, command in (("blast", blast), (f"{scenario.rate:,} messages a second", pace)):
        with tempfile.NamedTemporaryFile() as file:
            sampler = ["record", "--subprocesses", "--threads"]
            options = ["--format", "raw", "--output", file.name, "--rate", str(SAMPLES_A_SECOND)]
            py_spy = [str(Path(sys.executable).with_name("py-spy")), *sampler, *options, "--"]
            with running(scenario, py_spy) as (sender, client):
                time.sleep(SETTLE_S)
                done = sender.do(**command)
                client.stop(done["messages"])
            print(f"\n{title}: share of the samples in which each function ran itself")
            print("\n".join(shares(Path(file.name).read_text().splitlines())))


def shares(stacks: Iterable[str]) -> list[str]:
    """The most frequent innermost functions of stacks in py-spy's raw format, `outer;inner count`, what they call in C
    included. What only waits is left out: its thread is stopped to be looked at, and seems to run by that."""
    counts: Counter[str] = Counter()
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        function = _line_number.sub("", stack.rpartition(";")[2])
        if function and not function.startswith(WAITING):
            counts[function] += int(count)
    total = sum(counts.values()) or 1
    return [f"{100 * count / total:5.1f} %  {function}" for function, count in counts.most_common(SHOWN)]
