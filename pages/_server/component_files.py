"""Serve folders of files to this server's own pages.

Streamlit serves the files of a component that is installed as a package of its own
(https://docs.streamlit.io/develop/concepts/custom-components/components-v2/package-based). Here a
folder is registered in the same way without a package (Streamlit 1.67).
"""

from pathlib import Path

from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest

PACKAGE = "fer-studio"


def serve_folder(name: str, folder: Path) -> str:
    """Serve the files of a folder, and return the name under which a component finds them.

    Args:
        name: Short name of the component.
        folder: An existing folder; all of it may be read by every visitor.
    """
    full_name, manager = f"{PACKAGE}.{name}", get_bidi_component_manager()
    if manager.get(full_name) is None:
        config = ComponentConfig(name, asset_dir=folder.name)
        manifest = ComponentManifest(PACKAGE, "0", [config])
        manager.register_from_manifest(manifest, folder.parent)
    return full_name
