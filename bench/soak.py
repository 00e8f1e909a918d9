"""`make soak`: whether memory and cost stay where they are, over as many minutes as one likes."""

import time

from bench import measure
from bench.running import running
from bench.scenarios import OURS, OURS_2, SCENARIOS

RATE = 2_000
MINUTE_S = 60.0


def main(minutes: int) -> None:
    """Print a line a minute for 6 workers and one for 2, at a steady pace."""
    for name in (OURS, OURS_2):
        scenario = next(one for one in SCENARIOS if one.name == name)
        print(
            f"\n{name}, {RATE:,} messages a second\nminute  PSS MB  descriptors  threads  CPU us a message", flush=True
        )
        with running(scenario) as (sender, client):
            sent = 0
            for minute in range(1, minutes + 1):
                before = measure.cpu_s(client.session)
                done = sender.do(do="pace", rate=RATE, seconds=MINUTE_S)
                sent += done["messages"]
                cpu_us = (measure.cpu_s(client.session) - before) / done["messages"] * 1e6
                held = measure.held(client.session)
                print(
                    f"{minute:6}  {held.pss_mb:6.1f}  {held.descriptors:11}  {held.threads:7}  {cpu_us:16.1f}",
                    flush=True,
                )
            time.sleep(1.0)
            client.stop(sent)
