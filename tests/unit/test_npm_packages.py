"""Files of npm packages: where they come from, and that a wrong one is never taken."""

import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from fer_core.errors import DownloadError
from fer_core.system import npm_packages
from fer_core.system.npm_packages import PackageFile, bring
from fer_core.system.settings import Settings

CONTENT = b"export default 1;\n"
FILE = PackageFile(
    "@scope/thing", "1.2.3", "dist/index.js", "MIT", hashlib.sha256(CONTENT).hexdigest()
)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A machine without npm and without internet, with an archive beside it."""
    monkeypatch.setattr(npm_packages.shutil, "which", lambda _: None)
    monkeypatch.setattr(npm_packages, "CDN", "http://127.0.0.1:9")
    assets = tmp_path / "assets"
    assets.mkdir()
    pack(assets / "scope-thing-1.2.3.tgz", CONTENT)
    return Settings(home=tmp_path / "home", cache=tmp_path / "cache", assets=assets)


def pack(file: Path, content: bytes, name: str = "package/dist/index.js") -> None:
    with tarfile.open(file, "w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))


def test_the_archive_of_npm_pack_is_enough(config: Settings) -> None:
    (path,) = bring((FILE,), config)
    assert path.read_bytes() == CONTENT
    assert path.is_relative_to(config.cache)
    (config.assets / FILE.tarball).unlink()
    assert bring((FILE,), config) == (path,)  # from the cache from now on


def test_a_damaged_copy_in_the_cache_is_replaced(config: Settings) -> None:
    (path,) = bring((FILE,), config)
    path.write_bytes(b"changed")
    bring((FILE,), config)
    assert path.read_bytes() == CONTENT


def test_every_way_is_tried_and_named(config: Settings) -> None:
    with pytest.raises(DownloadError) as error:
        bring((FILE,), replace(config, assets=None))
    for part in ("FER_ASSETS", FILE.tarball, "npm is not installed", "could not be downloaded"):
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"another", "package/dist/index.js", "is not the expected file"),
        (CONTENT, "package/other.js", "cannot be read"),
        (None, "", "cannot be read"),
    ],
)
def test_a_wrong_archive_is_refused(config: Settings, content, name: str, words: str) -> None:
    target = config.assets / FILE.tarball
    target.write_bytes(b"no archive") if content is None else pack(target, content, name)
    with pytest.raises(DownloadError, match=words):
        bring((FILE,), config)
    assert not list(config.cache.rglob("index.js"))
