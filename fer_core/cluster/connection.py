"""Connect to a running Ray cluster, or start one on this machine for one command."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Final

from fer_core.errors import FerError

MISSING: Final = (
    "This needs Ray, which is not installed. Install it with: pip install 'fer-studio[cluster]', "
    "or in a checkout: pip install -r requirements-cluster.txt."
)
QUIET: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_worker_niceness": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
}
"""Variables that Ray reads when it is imported: no usage reports, nothing printed, workers of
normal priority, and Ctrl-C left to this program."""

SYSTEM: Final = {
    "enable_metrics_collection": False,
    "enable_worker_prestart": False, "prestart_worker_first_driver": False,
}  # fmt: skip
"""Ray's own settings on this machine. Workers that are started ahead, one a core, would stay idle:
those of a job have its environment."""

REACH_S: Final = 3.0
ANSWER_S: Final = 5.0
"""Longest wait for a connection to a cluster, and then for its response."""

OBJECTS_BYTES: Final = 256_000_000
"""Size of Ray's object store on this machine: images never pass through it."""


class ClusterError(FerError):
    """Ray is missing, or its cluster cannot be used."""


def is_installed() -> bool:
    """Return True where Ray can be imported; does not import it."""
    return find_spec("ray") is not None


def check_installed() -> None:
    """Check for Ray before anything else takes time.

    Raises:
        ClusterError: Ray is not installed.
    """
    if not is_installed():
        raise ClusterError(MISSING)


def load() -> Any:
    """Return the ``ray`` module, imported.

    Raises:
        ClusterError: It is not installed.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
        import ray.tune
    except ImportError as error:
        raise ClusterError(MISSING) from error
    for name in ("ray", "ray.data", "ray.tune"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return ray


@contextmanager
def connected(address: str | None = None, cores: int | None = None) -> Iterator[Any]:
    """Yield the ``ray`` module, connected.

    Args:
        address: ``host:port`` of a cluster, or ``auto`` for the one that this machine is part of.
            None starts one on this machine, which ends with the block.
        cores: Of the cluster that is started here; all if None.

    Raises:
        ClusterError: Ray is not installed, or nothing that answers is at the address.
    """
    ray = load()
    if ray.is_initialized():  # by the caller
        yield ray
        return
    common = {"logging_level": logging.ERROR, "log_to_driver": False}
    try:
        with _own_signals():
            if address is None:
                _start(ray, cores, common)
            else:
                _join(ray, address, common)
        yield ray
    finally:
        ray.shutdown()


@contextmanager
def _own_signals() -> Iterator[None]:
    """Restore a job's own handler of SIGTERM, which Ray replaces, and heed Ctrl-C after the block.

    Interrupted while it starts, Ray crashes at the end of the process.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    sigterm, sigint = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    pressed: list[int] = []
    if callable(sigint):
        signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield
    finally:
        for number, handler in ((signal.SIGTERM, sigterm), (signal.SIGINT, sigint)):
            if callable(handler):
                signal.signal(number, handler)
    if pressed:
        signal.raise_signal(signal.SIGINT)


def _start(ray: Any, cores: int | None, common: dict[str, Any]) -> None:
    """Start Ray here; once more where its processes took longer than the 30 s it gives them."""
    for is_last in (False, True):
        try:
            ray.init(
                "local", num_cpus=cores, include_dashboard=False, object_store_memory=OBJECTS_BYTES,
                _system_config=SYSTEM, **common,
            )  # fmt: skip
        except Exception as error:  # Ray raises the bare class here
            ray.shutdown()
            if is_last:
                raise ClusterError(
                    f"Ray did not start on this machine: {_first_line(error)} Try again when it "
                    "is less busy and has memory to spare."
                ) from error
        else:
            return


def _join(ray: Any, address: str, common: dict[str, Any]) -> None:
    if address != "auto":
        _check_reachable(ray, address)
    try:
        ray.init(address, **common)
    except ConnectionError as error:
        raise ClusterError(
            f"No Ray cluster was found ({address}). Start one with: ray start --head. Run this "
            "command on one of its machines."
        ) from error
    except (RuntimeError, ValueError, OSError) as error:
        raise ClusterError(
            f"The Ray cluster at {address} cannot be used from here: {_first_line(error)} All "
            "machines need the same versions of Ray and Python, and this command must run on one "
            "of them."
        ) from error


def _check_reachable(ray: Any, address: str) -> None:
    """Ray itself would wait for a minute and then end the whole process."""
    host, colon, port = address.rpartition(":")
    if not (colon and host and port.isdigit() and int(port) < 65_536) or "/" in host:
        raise ClusterError(
            f"--address needs host:port, such as 10.0.0.5:6379, or auto. Received: {address!r}."
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=REACH_S).close()
    except OSError as error:
        raise ClusterError(
            f"Nothing answers at {address} ({error.strerror or error}). Is the cluster running, "
            "and can this machine reach it? Its address is printed by: ray start --head."
        ) from error
    if not _speaks_ray(ray, address):
        raise ClusterError(
            f"The server at {address} is not the head of a Ray cluster. Its address is printed "
            "by: ray start --head."
        )


def _speaks_ray(ray: Any, address: str) -> bool:
    """Return True where the head of a Ray cluster responds in time."""
    responded = threading.Event()

    def ask() -> None:
        try:
            ray._raylet.GcsClient(address=address).get_all_node_info(timeout=ANSWER_S)
        except Exception:
            return
        responded.set()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(ANSWER_S)
    return responded.is_set()


def _first_line(error: Exception) -> str:
    """Return the first line of Ray's message, without advice for other programs."""
    return str(error).strip().partition("\n")[0].rstrip(".") + "."
