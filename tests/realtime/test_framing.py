"""Our frames are the library's frames."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from bot.realtime.framing import Framer, FrameReader, plain_text


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
    st.tuples(st.sampled_from([Opcode.TEXT, Opcode.PING, Opcode.BINARY]), st.binary(max_size=100)), max_size=6
)


@given(FRAMES, st.booleans(), st.data())
def test_however_the_bytes_are_cut_each_frame_is_read_once_and_whole(
    frames: list[tuple[Opcode, bytes]], masked: bool, data: st.DataObject
) -> None:
    seen: list[tuple[str, bytes]] = []
    reader = FrameReader(lambda frame: seen.append(("judge", frame)), masked=masked, most_bytes=1000)
    reader.on_text = lambda text: seen.append(("text", text))
    wires = [Frame(opcode, payload).serialize(mask=masked) for opcode, payload in frames]
    stream = b"".join(wires)
    while stream:
        n_bytes = data.draw(st.integers(1, len(stream)))
        reader.feed(stream[:n_bytes])
        stream = stream[n_bytes:]
    assert seen == [
        ("text", payload) if opcode is Opcode.TEXT else ("judge", wire)
        for (opcode, payload), wire in zip(frames, wires, strict=True)
    ]


def test_what_may_not_be_goes_to_the_judge_with_all_that_follows() -> None:
    good = Frame(Opcode.TEXT, b"good").serialize(mask=True)
    for bad in (Frame(Opcode.TEXT, b"bare").serialize(mask=False), b"\x81\xff" + (2000).to_bytes(8, "big") + b"mask"):
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
