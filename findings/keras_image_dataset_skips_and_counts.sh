#!/usr/bin/env bash
# keras.utils.image_dataset_from_directory (Keras 3.15.1, TensorFlow 2.21.0) goes by five endings: .bmp, .gif, .jpeg, .jpg, .png.
# Photos saved as .webp or .jfif (what Chrome on Windows calls a JPEG) are left out without a word, although the decoder
# that it uses reads both. The hidden files that macOS leaves beside photos (._0.png) are counted as images and end the
# first epoch that reaches one.
# Observed: 4 PNG, 1 WebP, 1 JFIF and 1 hidden file a class give 'Found 10 files belonging to 2 classes', then InvalidArgumentError.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check keras==3.15.1 tensorflow==2.21.0 pillow==12.0.0
TF_CPP_MIN_LOG_LEVEL=3 env/bin/python - <<'PY'
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

root = Path("images")
for name in ("happy", "sad"):
    (root / name).mkdir(parents=True)
    image = Image.fromarray(np.full((32, 32, 3), 90, np.uint8))
    for number in range(4):
        image.save(root / name / f"{number}.png")
    image.save(root / name / "4.webp")
    image.save(root / name / "5.jfif", format="JPEG")
    # AppleDouble: magic number, version, the name of the file system, no pixels
    (root / name / "._0.png").write_bytes(b"\0\5\26\7\0\2\0\0Mac OS X        " + bytes(50))

dataset = keras.utils.image_dataset_from_directory(root, image_size=(32, 32), batch_size=2)
names = sorted({Path(path).name for path in dataset.file_paths})
print(names)
assert names == ["._0.png", "0.png", "1.png", "2.png", "3.png"]
for name in ("4.webp", "5.jfif"):
    decoded = tf.io.decode_image((root / "happy" / name).read_bytes(), channels=3)
    print(name, "decodes to", decoded.shape)
    assert decoded.shape[-3:] == (32, 32, 3)
try:
    for _ in dataset:
        pass
    raise SystemExit("the epoch ended: hidden files are no longer read")
except tf.errors.InvalidArgumentError as error:
    print("in the epoch:", str(error).splitlines()[0][-90:])
PY
