"""The sender does what it is told, and says what it did only once the client has read it all."""

from bench.running import running
from bench.scenarios import Scenario

ONE = Scenario("one", "asyncio_script", connections=1)


def test_a_pace_is_kept_over_its_whole_time() -> None:
    with running(ONE) as (sender, _):
        done = sender.do(do="pace", rate=200, seconds=1.0)
    assert done["seconds"] >= 0.995  # when the last of them is due
    assert done["messages"] == 200


def test_a_blast_is_over_when_the_client_has_answered_the_ping_behind_it() -> None:
    with running(ONE) as (sender, client):
        done = sender.do(do="blast", messages=1000)
        assert client.stop(1000)["messages"] == done["messages"] == 1000
