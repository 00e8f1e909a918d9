"""Junk, splitting and joining."""

from random import Random

import pytest

from simulator.faults import JUNK, Faults, Silence, reframed, with_junk

FRAMES = [b"RECEIPT\nreceipt-id:1\n\n\0", *(b"MESSAGE\nmessage-id:%d\n\n{}\0" % number for number in range(20))]


def test_without_faults_nothing_is_silent() -> None:
    assert Faults().silence_at(1000.0) is Silence.NONE


def test_silence_may_start_later() -> None:
    faults = Faults(silence=Silence.ALL, silent_after_s=5.0)
    assert [faults.silence_at(uptime_s) for uptime_s in (4.9, 5.0)] == [Silence.NONE, Silence.ALL]


def test_junk_stands_before_messages_and_takes_none_away() -> None:
    mixed = with_junk(FRAMES, 1.0, Random(1))
    assert [frame for frame in mixed if frame in FRAMES] == FRAMES
    assert len(mixed) == len(FRAMES) + 20
    assert mixed[0] == FRAMES[0]


def test_junk_comes_in_about_the_share_that_was_asked_for() -> None:
    assert with_junk(FRAMES, 0.0, Random(1)) == FRAMES
    mixed = with_junk(FRAMES * 100, 0.25, Random(1))
    assert 400 < len(mixed) - len(FRAMES) * 100 < 600


@pytest.mark.parametrize("junk", JUNK)
def test_junk_ends_where_a_frame_may_start(junk: bytes) -> None:
    assert junk.strip(b"\n") == b"" or (junk.endswith(b"\0") and junk.count(b"\0") == 1)


@pytest.mark.parametrize("seed", range(50))
def test_reframing_keeps_every_byte_in_its_place(seed: int) -> None:
    messages = reframed(FRAMES, Random(seed))
    assert b"".join(fragment for message in messages for fragment in message) == b"".join(FRAMES)
    assert all(message and all(message) for message in messages)


def test_reframing_splits_joins_and_fragments() -> None:
    messages = [message for seed in range(50) for message in reframed(FRAMES, Random(seed))]
    joined = [b"".join(message) for message in messages]
    assert any(each.count(b"\0") > 1 for each in joined)
    assert any(not each.endswith(b"\0") for each in joined)
    assert any(len(message) > 1 for message in messages)
