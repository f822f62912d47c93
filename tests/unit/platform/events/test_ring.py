"""The ring holds the latest events and encodes each once for each encoder."""

from __future__ import annotations

from lemnos.platform.events import Event
from lemnos.platform.events.ring import LARGEST, Frames, Marked, Ring


def events(first: int, last: int) -> list[Event]:
    return [Event("s", seq, "t", "n", b"", 0) for seq in range(first, last + 1)]


def number(event: Event) -> bytes:
    return b"%d" % event.seq


def name(event: Event) -> bytes:
    return b"n%d" % event.seq


def test_it_starts_at_the_head():
    ring = Ring(7, 4)
    assert (ring.first, ring.last) == (8, 7)
    assert ring.holds(7)
    assert not ring.holds(6)


def test_frames_after_a_cursor():
    ring = Ring(7, 4)
    ring.extend(events(8, 10))
    assert ring.frames(7, number) == [b"8", b"9", b"10"]
    assert ring.frames(9, name) == [b"n10"]
    assert ring.frames(7, number) is ring.frames(7, number)
    assert ring.frames(8, number).joined == b"910"


def test_the_oldest_make_room():
    ring = Ring(0, 4)
    for first in range(1, 20):
        ring.extend(events(first, first))
        assert ring.frames(first - 1, number) == [b"%d" % first]
        assert ring.last - ring.first < 8
    assert ring.last == 19
    assert not ring.holds(3)
    assert ring.frames(ring.first - 1, number) == [b"%d" % s for s in range(ring.first, 20)]


def test_large_events_make_room_by_their_size():
    large = b"x" * (LARGEST // 10)
    ring = Ring(0, 100)
    for seq in range(1, 40):
        ring.extend([Event("s", seq, "t", "n", large, 0)])
        assert ring.frames(seq - 1, number) == [b"%d" % seq]
        assert ring.last - ring.first < 10
    ring.extend([Event("s", 40, "t", "n", large * 20, 0), Event("s", 41, "t", "n", large * 20, 0)])
    assert (ring.first, ring.last) == (41, 41)
    ring.extend(events(42, 44))
    assert ring.frames(ring.first - 1, number)[-1] == b"44"


def test_an_encoder_that_lags_stays_aligned():
    ring = Ring(0, 2)
    ring.extend(events(1, 1))
    assert ring.frames(0, name) == [b"n1"]
    for first in range(2, 12):
        ring.extend(events(first, first))
    assert ring.frames(10, name) == [b"n11"]
    assert ring.frames(ring.first - 1, name)[0] == b"n%d" % ring.first


def test_a_stream_begun_anew_replaces_what_was_held():
    ring = Ring(0, 4)
    ring.extend(events(1, 3))
    ring.extend(events(9, 9))
    assert (ring.first, ring.last) == (9, 9)
    assert ring.frames(8, number) == [b"9"]


def test_an_encoder_nobody_uses_is_forgotten():
    ring = Ring(0, 4)
    ring.extend(events(1, 2))
    ring.frames(0, number)
    ring.discard(number)
    assert ring._encoded == {}
    assert ring._slices == {}


def test_frames_say_whether_one_of_them_must_be_looked_at():
    assert not Frames([b"a", b"b"]).marked
    assert Frames([b"a", Marked(b"b"), b"c"]).marked
    assert Frames([b"a", Marked(b"b")]).joined == b"ab"
