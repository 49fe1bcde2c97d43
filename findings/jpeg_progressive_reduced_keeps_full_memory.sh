#!/usr/bin/env bash
# Decoding a JPEG at an eighth of its scale is said to save memory. For a progressive JPEG it saves next to none: libjpeg keeps every coefficient, 2 bytes each
# and 1.5 or 3 of them a pixel, until the last scan, whatever the scale (Pillow 13.0.0, draft).
# Observed, bytes a pixel of a photo of 24 megapixels: baseline 0.1; progressive 4:2:0 3.1; progressive 4:4:4 6.1
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check pillow==13.0.0
cat >save.py <<'PY'
from PIL import Image

scene = Image.effect_noise((600, 400), 60).resize((6000, 4000), Image.BICUBIC).convert("RGB")
scene.save("baseline.jpg")
scene.save("progressive.jpg", progressive=True)
scene.save("full_color.jpg", progressive=True, subsampling=0)
PY
cat >peak.py <<'PY'
import sys

from PIL import Image


def peak() -> int:
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))


image = Image.open(sys.argv[1])
image.draft("RGB", (image.width // 8, image.height // 8))
before = peak()
image.load()
assert image.size == (750, 500), image.size
print(f"{(peak() - before) * 1024 / (6000 * 4000):.1f}")
PY
env/bin/python save.py
baseline=$(env/bin/python peak.py baseline.jpg)
progressive=$(env/bin/python peak.py progressive.jpg)
full=$(env/bin/python peak.py full_color.jpg)
echo "baseline $baseline; progressive 4:2:0 $progressive; progressive 4:4:4 $full"
env/bin/python -c "import sys; a, b, c = map(float, sys.argv[1:]); assert a < 0.5 and b > 2.5 and c > 5.5" "$baseline" "$progressive" "$full"
