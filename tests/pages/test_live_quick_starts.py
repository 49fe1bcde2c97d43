"""The live page on a busy server, spoken to as a browser does but without one."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from aiortc import RTCConfiguration, RTCPeerConnection, VideoStreamTrack

from benchmarks.live_server import Server, free_port
from benchmarks.live_viewers import VARIANT, Viewer


class Green(Viewer):
    """Sends green pictures."""

    def _video(self) -> VideoStreamTrack:
        return VideoStreamTrack()


class Hasty(Green):
    """Starts and stops three times within a second, then starts and waits for its video."""

    async def _offer(self) -> None:
        self._offered = True
        self._turns = asyncio.create_task(self._take_turns())

    async def _take_turns(self) -> None:
        for _ in range(3):
            await self._start()
            await asyncio.sleep(0.2)
            await self._pc.close()
            self._value = {"playing": False, "sdpOffer": "", "iceCandidates": {}}
            await self._rerun()
            await asyncio.sleep(0.1)
        await self._start()

    async def _start(self) -> None:
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        await super()._offer()

    async def plays(self, seconds: float = 40) -> bool:
        for _ in range(round(seconds / 0.1)):
            if self._pc.connectionState == "connected":
                return True
            await asyncio.sleep(0.1)
        return False


class Restless(Green):
    """Starts, then asks for run after run, as somebody does who changes settings quickly."""

    async def asks_for(self, runs: int) -> str:
        for _ in range(runs):
            await self._rerun()
            await asyncio.sleep(0.1)
        for _ in range(20):
            await asyncio.wait_for(self._pc.getReceivers()[0].track.recv(), 20)
        return self._pc.connectionState


async def start_in_quick_turns() -> bool:
    """Whether the last start plays on a server that takes a second to answer each of them."""
    server = Server(VARIANT, free_port(), LIVE_VARIANT="late")
    viewer = Hasty(server.address, [])
    try:
        await viewer.open()
        return await viewer.plays()
    finally:
        await viewer.close()
        server.stop()


def test_the_last_of_quick_starts_gets_its_own_answer() -> None:
    with ThreadPoolExecutor(1) as pool:  # where the browser's tests ran, this thread has a loop
        assert pool.submit(asyncio.run, start_in_quick_turns()).result()


async def watch_through_quick_runs() -> str:
    """How the connection stands after ten runs that the player takes for twenty."""
    server = Server(VARIANT, free_port(), LIVE_VARIANT="behind")
    viewer = Restless(server.address, [])
    try:
        await viewer.open()
        return await viewer.asks_for(10)
    finally:
        await viewer.close()
        server.stop()


def test_quick_runs_do_not_end_the_video() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(asyncio.run, watch_through_quick_runs()).result() == "connected"
