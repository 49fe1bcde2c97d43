"""Write annotated video: H.264 in pieces that survive a kill, joined with the sound at the end."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.video.reformatter import ColorRange

from fer_core.errors import VideoError
from fer_core.images.yuv import to_frame
from fer_core.recognition import video_drawing
from fer_core.types import Pixels
from fer_core.video.formats import OPENING, is_animation
from fer_core.video.metadata import make_clock, start_of
from fer_core.video.recognizer import RecognizedFrame

TICKS: Final = 90_000
"""Times are kept to this part of a second, as broadcast video does."""

PIECE_FORMAT: Final = "nut"
"""A container that keeps time stamps as they are, unlike MP4, which moves them to 0."""

COPIED_SOUND: Final = frozenset({"aac", "mp3", "ac3", "eac3", "opus", "alac", "flac"})
"""Codecs of sound that MP4 can hold as it is; other sound becomes AAC."""

SOUND_RATE: Final = 50.0
"""Packets of sound a second, about."""

SMPTE170M: Final = 6
"""FFmpeg's number of the BT.601 matrix, in which frames are written; see ``images.yuv``."""


def draw(recognized: RecognizedFrame) -> Pixels:
    """Draw the faces on the frame itself and return it: I420, uint8 (3 * H // 2, W)."""
    if recognized.faces:
        video_drawing.draw(recognized.frame.yuv, recognized.faces)
    return recognized.frame.yuv


class PieceWriter:
    """Writes one piece of an annotated video. A context manager.

    Args:
        file: The new file.
        rate: Frames a second, for the encoder to plan with; each frame has a time of its own.
    """

    def __init__(self, file: Path, rate: float) -> None:
        self._container = av.open(str(file), "w", format=PIECE_FORMAT)
        options = {"preset": "superfast", "crf": "23", "bf": "0"}  # bf 0: pieces can be joined
        nearest = Fraction(rate).limit_denominator(1001)
        self._stream = self._container.add_stream("libx264", rate=nearest, options=options)
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.colorspace = SMPTE170M
        self._stream.codec_context.color_range = ColorRange.MPEG
        self._stream.codec_context.thread_count = 1
        self._stream.codec_context.time_base = Fraction(1, TICKS)
        self._is_new = True

    def __enter__(self) -> "PieceWriter":
        return self

    def __exit__(self, *_: object) -> None:
        with self._container:
            if not self._is_new:
                self._container.mux(self._stream.encode(None))

    def write(self, yuv: Pixels, time_s: float) -> None:
        """Add one frame.

        Args:
            yuv: I420, uint8 (3 * H // 2, W).
            time_s: Its time in seconds, later than that of the frame before.
        """
        frame = to_frame(yuv)
        if self._is_new:
            self._stream.width, self._stream.height = frame.width, frame.height
            self._is_new = False
        frame.pts, frame.time_base = round(time_s * TICKS), Fraction(1, TICKS)
        self._container.mux(self._stream.encode(frame))


def join(pieces: Sequence[Path], source: Path, target: Path) -> None:
    """Join the pieces as MP4, with the sound of ``source``.

    Raises:
        VideoError: Nothing to join, or the pieces or the sound do not fit into an MP4.
        OSError: It cannot be written, because the disk is full for example. The target is removed.
    """
    if not pieces:
        raise VideoError(f"{source.name}: there is no frame to write.")
    try:
        with ExitStack() as stack:
            out = stack.enter_context(
                av.open(str(target), "w", format="mp4", options={"movflags": "faststart"})
            )
            sound = _Sound(stack, source, out)
            first = stack.enter_context(av.open(str(pieces[0])))
            stream = out.add_stream_from_template(first.streams.video[0])
            for packet in _video_packets(pieces):
                sound.write_until(float(packet.pts * packet.time_base))
                packet.stream = stream
                out.mux_one(packet)
            sound.write_until(float("inf"))
    except OSError:
        target.unlink(missing_ok=True)
        raise
    except av.FFmpegError as error:
        raise VideoError(
            f"{source.name}: no annotated copy could be made ({error.strerror or error})."
        ) from error


def _video_packets(pieces: Sequence[Path]) -> Iterator[Any]:
    for piece in pieces:
        with av.open(str(piece)) as container:
            for packet in container.demux(container.streams.video[0]):
                if packet.dts is not None:
                    yield packet


class _Sound:
    """The sound track of a file on its way into another; silent where there is none."""

    def __init__(self, stack: ExitStack, source: Path, out: Any) -> None:
        self._packets: Iterator[Packet[Any]] = iter(())
        self._next: Packet[Any] | None = None
        self._out = out
        if is_animation(source):
            return
        container = stack.enter_context(
            av.open(str(source), metadata_errors="ignore", options=OPENING)
        )
        track = next((s for s in container.streams.audio if s.codec_context), None)
        if track is None:
            return
        shift = _Shift(container)
        if track.codec_context.name in COPIED_SOUND:
            self._stream = out.add_stream_from_template(track)
            self._packets = _copied(container.demux(track), shift)
        else:
            self._stream = out.add_stream("aac", rate=track.codec_context.sample_rate)
            self._packets = _encoded(container, track, self._stream, shift)
        self._next = next(self._packets, None)

    def write_until(self, time_s: float) -> None:
        while self._next is not None and _time(self._next) <= time_s:
            self._next.stream = self._stream
            self._out.mux_one(self._next)
            self._next = next(self._packets, None)


class _Shift:
    """Time to add to each time stamp of the sound, so that it starts at 0 and follows jumps."""

    def __init__(self, container: InputContainer) -> None:
        self._clock = make_clock(container, SOUND_RATE)
        self._start_s = start_of(container)

    def ticks(self, stamp: int, time_base: Any) -> int:
        """Return the ticks to add to a time stamp."""
        raw_s = float(stamp * time_base)
        jump_s = self._clock.time(raw_s) - (raw_s - self._start_s)
        return round((jump_s * (abs(jump_s) > 0.01) - self._start_s) / float(time_base))


def _time(packet: "Packet[Any]") -> float:
    return float((packet.pts or 0) * packet.time_base)


def _copied(packets: Iterator["Packet[Any]"], shift: _Shift) -> Iterator["Packet[Any]"]:
    """Yield the packets with shifted time stamps; a cut ends them."""
    last = None
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            return
        if packet is None:
            return
        if packet.dts is None or packet.pts is None:
            continue
        ticks = shift.ticks(packet.dts, packet.time_base)
        packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
        if last is None or packet.dts > last:  # MP4 takes no time stamp twice
            last = packet.dts
            yield packet


def _encoded(
    container: InputContainer, track: AudioStream, stream: AudioStream, shift: _Shift
) -> Iterator["Packet[Any]"]:
    """Yield the sound decoded and encoded again."""
    resampler = av.AudioResampler(stream.codec_context.format or "fltp", track.layout, track.rate)
    try:
        for packet in container.demux(track):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            for frame in frames:
                if frame.pts is not None:
                    frame.pts += shift.ticks(frame.pts, frame.time_base)
                for resampled in resampler.resample(frame):
                    yield from stream.encode(resampled)
    except av.FFmpegError:
        pass  # cut off: the sound before stays
    yield from stream.encode(None)
