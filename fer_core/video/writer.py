"""Write annotated video: H.264 in pieces that survive a kill, joined with the sound at the end."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
from av.audio.stream import AudioStream
from av.packet import Packet

from fer_core.errors import VideoError
from fer_core.images.yuv import to_frame
from fer_core.recognition import video_drawing
from fer_core.types import Pixels
from fer_core.video.metadata import OPENING
from fer_core.video.recognizer import ReadShot

TICKS: Final = 90_000
"""Times are kept to this part of a second, as broadcast video does."""

PIECE_FORMAT: Final = "nut"
"""A container that keeps time stamps as they are, unlike MP4, which moves them to 0."""

COPIED_SOUND: Final = frozenset({"aac", "mp3", "ac3", "eac3", "opus", "alac", "flac"})
"""Sound that MP4 can hold as it is; other sound becomes AAC."""


def draw(read: ReadShot) -> Pixels:
    """Draw the faces on the picture itself and return it."""
    if read.faces:
        video_drawing.draw(read.shot.yuv, read.faces)
    return read.shot.yuv


class PieceWriter:
    """Writes one piece of an annotated video. A context manager.

    Args:
        file: Where to.
        rate: Pictures a second, for the encoder to plan with; times are the pictures' own.
    """

    def __init__(self, file: Path, rate: float) -> None:
        self._container = av.open(str(file), "w", format=PIECE_FORMAT)
        options = {"preset": "superfast", "crf": "23", "bf": "0"}  # bf 0: pieces can be joined
        nearest = Fraction(rate).limit_denominator(1001)
        self._stream = self._container.add_stream("libx264", rate=nearest, options=options)
        self._stream.pix_fmt = "yuv420p"
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
        """Add one I420 picture, later than the one before."""
        frame = to_frame(yuv)
        if self._is_new:
            self._stream.width, self._stream.height = frame.width, frame.height
            self._is_new = False
        frame.pts, frame.time_base = round(time_s * TICKS), Fraction(1, TICKS)
        self._container.mux(self._stream.encode(frame))


def join(pieces: Sequence[Path], source: Path, target: Path) -> None:
    """Put the pieces one after the other as MP4, with the sound of ``source``.

    Raises:
        VideoError: Nothing to join, or the pieces or the sound do not fit into an MP4.
        OSError: The disk is full, for one. Nothing is left of the target then.
    """
    if not pieces:
        raise VideoError(f"{source.name}: there is no picture to write.")
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
        container = stack.enter_context(
            av.open(str(source), metadata_errors="ignore", options=OPENING)
        )
        track = next((s for s in container.streams.audio if s.codec_context), None)
        if track is None:
            return
        self._start_s = (container.start_time or 0) / 1e6
        if track.codec_context.name in COPIED_SOUND:
            self._stream = out.add_stream_from_template(track)
            self._packets = _copied(container.demux(track), self._start_s)
        else:
            self._stream = out.add_stream("aac", rate=track.codec_context.sample_rate)
            self._packets = _encoded(container, track, self._stream, self._start_s)
        self._next = next(self._packets, None)

    def write_until(self, time_s: float) -> None:
        while self._next is not None and _time(self._next) <= time_s:
            self._next.stream = self._stream
            self._out.mux_one(self._next)
            self._next = next(self._packets, None)


def _time(packet: "Packet[Any]") -> float:
    return float((packet.pts or 0) * packet.time_base)


def _copied(packets: Iterator["Packet[Any]"], start_s: float) -> Iterator["Packet[Any]"]:
    """The packets as they are, counted from the start of the file; a cut ends them."""
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            return
        if packet is None:
            return
        if packet.dts is None or packet.pts is None:
            continue
        shift = round(start_s / float(packet.time_base))
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
        yield packet


def _encoded(
    container: Any, track: AudioStream, stream: AudioStream, start_s: float
) -> Iterator["Packet[Any]"]:
    """The sound decoded and encoded again."""
    resampler = av.AudioResampler(stream.codec_context.format or "fltp", track.layout, track.rate)
    try:
        for packet in container.demux(track):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            for frame in frames:
                if frame.pts is not None:
                    frame.pts -= round(start_s / float(frame.time_base))
                for part in resampler.resample(frame):
                    yield from stream.encode(part)
    except av.FFmpegError:
        pass  # cut off: what came before is kept
    yield from stream.encode(None)
