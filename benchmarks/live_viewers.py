"""Count the live viewers that one server carries: light clients that speak as a browser does.

    python -m benchmarks.live_viewers --clip CLIP.mp4
    python -m benchmarks.live_viewers --clip CLIP.mp4 --asynchronous  # a thread before the callback

A client opens the page over Streamlit's own websocket, offers a WebRTC connection, answers the
side panel's refreshes twice a second, sends encoded video, and counts the frames
that come back without decoding them: nearly all the work measured is the server's. One more joins
every step, until one of them falls under 20 frames a second.
"""

import argparse
import asyncio
import json
import os
import time
from fractions import Fraction
from pathlib import Path

import aiortc.rtcrtpreceiver
import av
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.fake_camera import clip
from benchmarks.live_server import Server, connect, free_port, messages, report

FPS = 30
TOO_FEW = 20
VARIANT = "benchmarks/live_variant.py"
DONE = ForwardMsg.FINISHED_SUCCESSFULLY


class Encoded(MediaStreamTrack):
    """Plays packets in a loop, 30 a second."""

    kind = "video"

    def __init__(self, packets: list[bytes]) -> None:
        super().__init__()
        self._packets = packets
        self._start, self._sent = time.monotonic(), 0

    async def recv(self) -> av.Packet:
        self._sent += 1
        await asyncio.sleep(max(self._start + self._sent / FPS - time.monotonic(), 0))
        packet = av.Packet(self._packets[self._sent % len(self._packets)])
        packet.pts, packet.time_base = self._sent * 3000, Fraction(1, 90000)
        return packet


class Viewer:
    """One open tab with its video running."""

    def __init__(self, address: str, packets: list[bytes]) -> None:
        self._address = address
        self._packets = packets
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._value: dict = {"playing": False}
        self._component = self._script = ""
        self._refreshing: asyncio.Task | None = None
        self._offered = False
        self.connected = asyncio.Event()

    async def open(self) -> None:
        self._socket = await connect(self._address)
        self._listener = asyncio.create_task(self._listen())
        await self._rerun()
        await asyncio.wait_for(self.connected.wait(), 30)

    async def close(self) -> None:
        for task in (self._refreshing, self._listener):
            if task:
                task.cancel()
        await self._pc.close()
        await self._socket.close()

    async def _listen(self) -> None:
        async for kind, message in messages(self._socket):
            if kind == "navigation":
                self._script = message.navigation.page_script_hash
            elif kind == "auto_rerun":
                if self._refreshing:
                    self._refreshing.cancel()
                self._refreshing = asyncio.create_task(self._refresh(message.auto_rerun))
            elif kind == "stop_auto_rerun" and self._refreshing:
                self._refreshing.cancel()
            elif kind == "delta":
                await self._see(message.delta.new_element.component_instance)
            elif kind == "script_finished" and self._may_offer and message.script_finished == DONE:
                await self._offer()

    async def _see(self, component) -> None:
        if "webrtc" not in component.component_name:
            return
        self._component = component.id
        sdp = json.loads(component.json_args).get("sdp_answer_json")
        if sdp and self._pc.signalingState == "have-local-offer":
            await self._pc.setRemoteDescription(RTCSessionDescription(**json.loads(sdp)))
            self._value = {"playing": True}
            await self._rerun()
            self.connected.set()

    @property
    def _may_offer(self) -> bool:
        return bool(self._component) and not self._offered

    async def _offer(self) -> None:
        self._offered = True
        self._pc.addTrack(self._video())
        await self._pc.setLocalDescription(await self._pc.createOffer())
        offer = {"sdp": self._pc.localDescription.sdp, "type": "offer"}
        self._value = {"playing": False, "sdpOffer": offer, "iceCandidates": {}}
        await self._rerun()

    def _video(self) -> MediaStreamTrack:
        return Encoded(self._packets)

    async def _refresh(self, order) -> None:
        while True:
            await asyncio.sleep(order.interval)
            await self._rerun(order.fragment_id)

    async def _rerun(self, fragment: str = "") -> None:
        message = BackMsg()
        state = message.rerun_script
        state.page_script_hash = self._script
        if fragment:
            state.fragment_id, state.is_auto_rerun = fragment, True
        if self._component:
            widget = state.widget_states.widgets.add()
            widget.id, widget.json_value = self._component, json.dumps(self._value)
        await self._socket.send(message.SerializeToString())


def encode(file: Path) -> list[bytes]:
    """Ten seconds of the clip as VP8 at about 1 Mbit/s."""
    codec = av.CodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt = 640, 480, "yuv420p"
    codec.time_base, codec.bit_rate = Fraction(1, FPS), 1_000_000
    codec.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "g": "60"}
    packets = []
    for number, rgb in enumerate(clip(file, 10)):
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
        frame.pts = number
        packets += [bytes(packet) for packet in codec.encode(frame)]
    return packets


async def measure(file: Path, seconds: float, most: int, variant: str) -> None:
    packets = encode(file)
    counts = count_frames()
    os.environ["FER_STREAMS"] = "64"
    server = Server(VARIANT, free_port(), LIVE_VARIANT=variant)
    viewers: list[Viewer] = []
    try:
        await asyncio.sleep(2)
        for number in range(1, most + 1):
            viewers.append(Viewer(server.address, packets))
            await viewers[-1].open()
            await asyncio.sleep(8)
            counts_before, cpu, start_s = dict(counts), server.cpu_s, time.monotonic()
            await asyncio.sleep(seconds)
            elapsed = time.monotonic() - start_s
            rates = sorted((n - counts_before.get(key, 0)) / elapsed for key, n in counts.items())
            cores = (server.cpu_s - cpu) / elapsed
            report(
                "viewers",
                {
                    "n": number,
                    "fps_slowest": round(rates[0], 1),
                    "fps_fastest": round(rates[-1], 1),
                    "cores_each": round(cores / number, 3),
                    "mb": round(server.megabytes),
                },
            )
            if len(rates) < number or rates[0] < TOO_FEW:
                break
    finally:
        for viewer in viewers:
            await viewer.close()
        server.stop()


def count_frames() -> dict[int, int]:
    """Return the frames received by each connection; nothing is decoded from here on."""
    counts: dict[int, int] = {}

    class Decoder:
        def decode(self, _) -> list:
            counts[id(self)] = counts.get(id(self), 0) + 1
            return []

    aiortc.rtcrtpreceiver.get_decoder = lambda _: Decoder()
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--most", type=int, default=12)
    parser.add_argument("--asynchronous", action="store_true")
    options = parser.parse_args()
    variant = "asynchronous" if options.asynchronous else "plain"
    asyncio.run(measure(options.clip, options.seconds, options.most, variant))


if __name__ == "__main__":
    main()
