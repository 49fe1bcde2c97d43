"""STUN and TURN servers, through which a browser and this server find a connection."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fer_core.errors import SettingsError

LOCAL_HOSTS: Final = ("localhost", "127.0.0.1", "::1")


def ice_servers(secrets: Mapping[str, Any] | None, host: str) -> list[dict[str, Any]] | None:
    """Return STUN and TURN servers in the browser's own form.

    Args:
        secrets: The ``[webrtc]`` section: ``urls`` (one or several), and for TURN ``username``
            and ``credential``. None where there is no such section.
        host: The host name in the page's address.

    Returns:
        The servers; none on this machine, where none is needed; None where nothing is set, for the
        player's own choice (see docs/live.md).

    Raises:
        SettingsError: The section lacks something.
    """
    if secrets is not None:
        return [_server(secrets)]
    return [] if host.strip("[]").lower() in LOCAL_HOSTS else None


def _server(secrets: Mapping[str, Any]) -> dict[str, Any]:
    urls = secrets.get("urls", ())
    urls = [urls] if isinstance(urls, str) else list(urls) if isinstance(urls, Sequence) else []
    if not urls or not all(
        str(url).startswith(("stun:", "stuns:", "turn:", "turns:")) for url in urls
    ):
        raise SettingsError(
            "[webrtc] in the secrets needs urls that start with stun: or turn:. "
            f"Received: {urls or 'nothing'}."
        )
    login = {name: str(secrets[name]) for name in ("username", "credential") if secrets.get(name)}
    if any(str(url).startswith("turn") for url in urls) and len(login) < 2:
        raise SettingsError(
            "[webrtc] in the secrets names a TURN server: add username and credential."
        )
    return {"urls": [str(url) for url in urls], **login}
