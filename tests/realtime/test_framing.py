"""Our frames are the library's frames."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from bot.realtime.framing import Framer, plain_text


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
