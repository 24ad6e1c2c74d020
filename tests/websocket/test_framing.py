"""Our frames are the library's frames."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from bot.websocket.framing import LEADING, Framer, FrameReader, plain_text


@given(st.lists(st.one_of(st.binary(max_size=300), st.integers(65_530, 65_540).map(bytes)), max_size=4))
def test_the_library_reads_what_we_frame(texts: list[bytes]) -> None:
    framer, server = Framer(), ServerProtocol(state=State.OPEN, max_size=None)
    server.receive_data(b"".join(framer.text(text) for text in texts))
    assert [(event.opcode, event.fin, bytes(event.data)) for event in server.events_received()] == [
        (Opcode.TEXT, True, text) for text in texts
    ]


def test_no_two_frames_in_a_row_share_a_mask_and_it_is_fetched_again_in_time() -> None:
    framer = Framer()
    masks = [framer.text(b"x")[2:6] for _ in range(3000)]
    assert len(set(masks)) > 2990
    assert all(len(mask) == 4 for mask in masks)


def test_it_is_as_long_as_the_library_makes_it() -> None:
    for size in (0, 1, 125, 126, 65_535, 65_536):
        text = b"a" * size
        assert len(Framer().text(text)) == len(Frame(Opcode.TEXT, text).serialize(mask=True))
        assert plain_text(text) == Frame(Opcode.TEXT, text).serialize(mask=False)


FRAMES = st.lists(
    st.one_of(
        st.tuples(st.just(Opcode.TEXT), st.one_of(st.binary(max_size=100), st.integers(120, 300).map(bytes))),
        st.tuples(st.sampled_from([Opcode.PING, Opcode.BINARY]), st.binary(max_size=100)),
    ),
    max_size=6,
)
CUTS = st.one_of(st.integers(1, 10), st.integers(1, 700))


@given(FRAMES, st.booleans(), st.data())
def test_however_the_bytes_are_cut_each_frame_is_read_once_and_whole(
    frames: list[tuple[Opcode, bytes]], masked: bool, data: st.DataObject
) -> None:
    seen: list[tuple[str, bytes]] = []
    reader = FrameReader(lambda frame: seen.append(("judge", frame)), masked=masked, most_bytes=70_000)
    reader.on_text = lambda text: seen.append(("text", text))
    wires = [Frame(opcode, payload).serialize(mask=masked) for opcode, payload in frames]
    whole = data.draw(st.booleans(), "as senders write them")
    stream = b"".join(wires)
    while stream:
        n_bytes = len(wires[len(seen)]) if whole else data.draw(CUTS)
        reader.feed(stream[:n_bytes])
        stream = stream[n_bytes:]
    assert seen == [
        ("text", payload) if opcode is Opcode.TEXT else ("judge", wire)
        for (opcode, payload), wire in zip(frames, wires, strict=True)
    ]


@given(st.lists(st.integers(0, 400), max_size=40), st.integers(0, 600), st.booleans())
def test_frames_that_come_together_are_the_same_whichever_way_they_are_taken(
    sizes: list[int], more: int, masked: bool
) -> None:
    wire = b"".join(Frame(Opcode.TEXT, bytes((n % 251,)) * size).serialize(mask=masked) for n, size in enumerate(sizes))
    wire += Frame(Opcode.TEXT, b"cut" * 200).serialize(mask=masked)[:more]
    ways: list[list[bytes]] = []
    for leading in (True, False):
        ways.append([])
        reader = FrameReader(lambda _: None, masked=masked, most_bytes=70_000)
        reader.on_text = ways[-1].append
        rest = reader.leading(wire) if leading else wire
        assert len(ways[-1]) <= LEADING
        reader.feed(rest)
    assert ways[0] == ways[1]


def test_what_may_not_be_goes_to_the_judge_with_all_that_follows() -> None:
    good = Frame(Opcode.TEXT, b"good").serialize(mask=True)
    long = [b"\x81\xff" + size.to_bytes(8, "big") + b"mask" for size in (2000, 2**56, 2**63)]
    for bad in (Frame(Opcode.TEXT, b"bare").serialize(mask=False), *long):
        judged: list[bytes] = []
        texts: list[bytes] = []
        reader = FrameReader(judged.append, masked=True, most_bytes=1000)
        reader.on_text = texts.append
        reader.feed(good + bad + good)
        assert texts == [b"good"]
        assert judged == [bad + good]


def test_inside_a_message_in_parts_a_whole_text_frame_is_for_the_judge() -> None:
    judged: list[bytes] = []
    reader = FrameReader(judged.append, masked=False, most_bytes=1000)
    reader.in_fragments = True
    reader.feed(plain_text(b"odd"))
    assert judged == [plain_text(b"odd")]


def test_each_length_is_read_in_one_piece_and_in_two() -> None:
    for size in (0, 1, 125, 126, 127, 65_534, 65_535, 65_536):
        for masked in (True, False):
            wire = Frame(Opcode.TEXT, b"a" * size).serialize(mask=masked)
            for cut in (1, 2, 3, 4, 8, 9, len(wire) - 1, len(wire)):
                texts: list[bytes] = []
                reader = FrameReader(texts.append, masked=masked, most_bytes=65_536)
                reader.on_text = texts.append
                reader.feed(wire[:cut])
                reader.feed(wire[cut:])
                assert texts == [b"a" * size]


def test_a_frame_longer_than_may_be_is_none_however_it_comes() -> None:
    judged: list[bytes] = []
    texts: list[bytes] = []
    reader = FrameReader(judged.append, masked=True, most_bytes=1000)
    reader.on_text = texts.append
    wire = Frame(Opcode.TEXT, b"a" * 1001).serialize(mask=True)
    assert not reader.whole(wire)
    reader.feed(wire)
    assert (texts, judged) == ([], [wire])


def test_what_is_whole_waits_behind_what_has_begun() -> None:
    wire = Frame(Opcode.TEXT, b"a" * 200).serialize(mask=True)
    for begun in (wire[:100], Frame(Opcode.TEXT, b"part", fin=False).serialize(mask=True)):
        reader = FrameReader(lambda _: None, masked=True, most_bytes=70_000)
        reader.on_text = lambda _: None
        assert reader.whole(wire)
        reader.in_fragments = len(begun) != 100  # as whoever judges says
        reader.feed(begun)
        assert not reader.whole(wire)


@given(st.booleans(), st.binary(max_size=125), st.binary(max_size=3))
def test_a_small_text_frame_by_itself_is_taken_at_once_as_a_mark_s_echo_is(
    masked: bool, text: bytes, behind: bytes
) -> None:
    taken: list[bytes] = []
    reader = FrameReader(lambda _: None, masked=masked, most_bytes=65_536)
    reader.on_text = taken.append
    wire = Frame(Opcode.TEXT, text).serialize(mask=masked)
    assert reader.whole(wire + behind) == (not behind)
    assert taken == ([] if behind else [text])
    for other in (Frame(Opcode.PING, text), Frame(Opcode.BINARY, text), Frame(Opcode.TEXT, text, fin=False)):
        assert not reader.whole(other.serialize(mask=masked))
    assert not reader.whole(Frame(Opcode.TEXT, text).serialize(mask=not masked))
    assert len(taken) == (not behind)
