"""LiteRT.js, which runs networks in a browser: what is needed of its npm package."""

from pathlib import Path
from typing import Final

from fer_core.system.npm_packages import PackageFile, bring

_CORE: Final = "@litertjs/core", "2.5.3"
_LICENCE: Final = "Apache-2.0"
RUNTIME: Final = {
    "core": PackageFile(
        *_CORE, "dist/index.js", _LICENCE,
        "e7daccc3a31eef890848a737ccb863ded5f046a6b40c3fdc0556495adeb5d9b3",
    ),
    "glue_relaxed": PackageFile(
        *_CORE, "wasm/litert_wasm_internal.js", _LICENCE,
        "68efb69f770e3f76aff36a377de629ca496c131b86ac0f0f4b592a1543a898eb",
    ),
    "wasm_relaxed": PackageFile(
        *_CORE, "wasm/litert_wasm_internal.wasm", _LICENCE,
        "7280cf4471774867e385e6c3cd53e2b45e2975b80fea338fff4ef359b0865614",
    ),
    "glue_plain": PackageFile(
        *_CORE, "wasm/litert_wasm_compat_internal.js", _LICENCE,
        "4d8f894b7883654fd6e8439730aa41e79ceaab7d19184fc4f1f0b0f1a2a2c8a5",
    ),
    "wasm_plain": PackageFile(
        *_CORE, "wasm/litert_wasm_compat_internal.wasm", _LICENCE,
        "5255c8ad06eabdbd2522cdebf6b22fc10faf74625c23a49b9e072570cd1fa41c",
    ),
}  # fmt: skip
"""The third-party files of LiteRT.js, for browsers with relaxed SIMD and for those without."""

WASM_UTILS: Final = "../fer-studio.live/wasm_utils.js"
"""Our own module in place of ``@litertjs/wasm-utils``, as the served ``core`` finds it."""


def bring_runtime() -> dict[str, Path]:
    """Return the files by role; those that are missing are brought to the cache first.

    Raises:
        DownloadError: One is not on this machine and cannot be fetched.
    """
    return dict(zip(RUNTIME, bring(tuple(RUNTIME.values())), strict=True))


def as_module(file: Path) -> bytes:
    """Return a file of the runtime; its scripts become modules that a module worker imports."""
    data = file.read_bytes()
    if file.suffix != ".js":
        return data
    data = data.replace(b'"@litertjs/wasm-utils"', f'"{WASM_UTILS}"'.encode())
    return data + (b"" if b"\nexport {" in data else b"\nexport default ModuleFactory;\n")
