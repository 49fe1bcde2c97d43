"""Run a command as on a processor that has AVX2 and nothing newer.

    python benchmarks/avx2.py python benchmarks/recognize.py

``avx2.c`` is compiled and preloaded into the command and every process that it starts. Needs Linux
on x86-64, a C compiler, and a processor with ``cpuid_fault`` among the flags of /proc/cpuinfo.
Caches and clock stay those of this machine.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_name("avx2.c")


def environment(folder: Path) -> dict[str, str]:
    """Return this process's environment, with the library that masks CPUID in ``folder``.

    Raises:
        SystemExit: It cannot be compiled, or the processor cannot fault CPUID.
    """
    if "cpuid_fault" not in Path("/proc/cpuinfo").read_text().split():
        raise SystemExit("This processor has no cpuid_fault: AVX-512 cannot be hidden here.")
    library = folder / "avx2.so"
    command = ["cc", "-O2", "-Wall", "-shared", "-fPIC", "-o", str(library), str(SOURCE)]
    if subprocess.run(command, check=False).returncode:
        raise SystemExit(f"{SOURCE} was not compiled. Install a C compiler.")
    return os.environ | {"LD_PRELOAD": str(library)}


def main() -> None:
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        command = sys.argv[1:]
        result = subprocess.run(command, env=environment(Path(folder)), check=False)
    raise SystemExit(result.returncode)


if __name__ == "__main__":
    main()
