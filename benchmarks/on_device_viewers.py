"""Count the viewers on their own devices that one server carries: clients that send rows.

    python -m benchmarks.on_device_viewers

A client opens the page over Streamlit's own websocket and then does what the page's component does:
once a second it sends the rows of its 30 frames, less often where an answer takes over 0.25 s. More
join every step, until a message is answered later than after a second (95th percentile).
"""

import argparse
import asyncio
import json
import time

import numpy as np
from streamlit.proto.BackMsg_pb2 import BackMsg

from benchmarks.live_server import Server, connect, free_port, messages, report

VARIANT = "benchmarks/live_variant.py"
FPS = 30
TOO_SLOW_S = 1.0


class Viewer:
    """One open tab whose camera runs."""

    def __init__(self, address: str, seed: int) -> None:
        self._address = address
        self._random = np.random.default_rng(seed)
        self._component = self._fragment = self._script = ""
        self._number = self._frame = 0
        self._sent_at = time.monotonic()
        self._finished = asyncio.Event()
        self.delays: list[float] = []
        self.bytes_sent = 0

    async def open(self) -> None:
        self._socket = await connect(self._address)
        self._tasks = [asyncio.create_task(self._listen())]
        await self._send(BackMsg())
        await asyncio.wait_for(self._finished.wait(), 60)
        self._tasks.append(asyncio.create_task(self._report()))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self._socket.close()

    async def _listen(self) -> None:
        async for kind, message in messages(self._socket):
            if kind == "navigation":
                self._script = message.navigation.page_script_hash
            elif kind == "delta":
                element = message.delta.new_element
                if (
                    element.WhichOneof("type") == "bidi_component"
                    and element.bidi_component.js_source_path
                ):
                    self._component = element.bidi_component.id
                    self._fragment = message.delta.fragment_id
            elif kind == "script_finished":
                self._finished.set()

    async def _report(self) -> None:
        """Send rows once a second, at a moment of its own."""
        await asyncio.sleep(self._random.uniform(0, 1))
        while True:
            start = time.monotonic()
            await self._send(self._message())
            self._finished.clear()
            await self._finished.wait()
            self.delays.append(time.monotonic() - start)
            pause = max(1, 4 * self.delays[-1])  # as report.js
            await asyncio.sleep(max(start + pause - time.monotonic(), 0))

    def _message(self) -> BackMsg:
        self._number += 1
        rows = []
        now = time.monotonic()
        for _ in range(round(FPS * (now - self._sent_at))):
            self._frame += 1
            shares = self._random.dirichlet(np.ones(7)).round(5).tolist()
            label = int(np.argmax(shares))
            face = [1, label, 0, -1, 0.9, 1.5, 200.0, 100.0, 400.0, 350.0, *shares]
            rows.append([self._frame, self._frame * 1000 / FPS, 640, 480, [face]])
        value = {"view": "benchmark", "number": self._number, "running": True, "rows": rows,
                 "stats": {"fps": FPS}}  # fmt: skip
        self._sent_at = now
        message = BackMsg()
        message.rerun_script.fragment_id = self._fragment
        widget = message.rerun_script.widget_states.widgets.add()
        widget.id, widget.json_value = self._component, json.dumps({"report": value})
        return message

    async def _send(self, message: BackMsg) -> None:
        message.rerun_script.page_script_hash = self._script
        data = message.SerializeToString()
        self.bytes_sent += len(data)
        await self._socket.send(data)


async def measure(seconds: float, step: int, most: int) -> None:
    server = Server(VARIANT, free_port(), LIVE_VARIANT="plain", FER_PUBLIC="1")
    viewers: list[Viewer] = []
    try:
        await asyncio.sleep(2)
        while len(viewers) < most:
            for _ in range(step):
                viewers.append(Viewer(server.address, len(viewers)))
                await viewers[-1].open()
            await asyncio.sleep(3)
            for viewer in viewers:
                viewer.delays.clear()
            cpu, start_s = server.cpu_s, time.monotonic()
            sent = sum(viewer.bytes_sent for viewer in viewers)
            await asyncio.sleep(seconds)
            elapsed = time.monotonic() - start_s
            delays = [delay for viewer in viewers for delay in viewer.delays]
            late = float(np.percentile(delays, 95)) if delays else float("inf")
            cores = (server.cpu_s - cpu) / elapsed
            kilobytes = (sum(viewer.bytes_sent for viewer in viewers) - sent) / elapsed / 1000
            report(
                "viewers",
                {
                    "n": len(viewers),
                    "answer_p50_s": round(float(np.median(delays)), 3) if delays else None,
                    "answer_p95_s": round(late, 3),
                    "server_cores": round(cores, 2),
                    "server_mb": round(server.megabytes),
                    "kb_per_s_each": round(kilobytes / len(viewers), 1),
                },
            )
            if late > TOO_SLOW_S:
                break
    finally:
        for viewer in viewers:
            await viewer.close()
        server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--step", type=int, default=20)
    parser.add_argument("--most", type=int, default=200)
    options = parser.parse_args()
    asyncio.run(measure(options.seconds, options.step, options.most))


if __name__ == "__main__":
    main()
