#!/usr/bin/env bash
# opencv-python-headless 5.0.0.93: cv2.CascadeClassifier is gone and the wheel ships no cascade files, though cv2.data.haarcascades still
# names a folder. 4.14.0.94 has both. The first lesson of most courses on face detection, and every package that asks for
# 'opencv-python' without an upper limit, ends with AttributeError after a fresh install.
# Observed: hasattr False in 5.0, True in 4.14; 0 and 17 cascade files.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check opencv-python-headless==5.0.0.93
env/bin/python - <<'PY'
import os
import subprocess
import sys

CODE = """
import os, cv2
files = [f for f in os.listdir(cv2.data.haarcascades) if f.endswith('.xml')]
print(cv2.__version__, hasattr(cv2, 'CascadeClassifier'), hasattr(cv2, 'FaceDetectorYN'), len(files))
"""


def look():
    return subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True).stdout.split()


five = look()
pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
subprocess.run([*pip, "opencv-python-headless==4.14.0.94"], check=True)
four = look()
print("version, CascadeClassifier, FaceDetectorYN, cascade files:", five, four)
assert five == ["5.0.0", "False", "True", "0"]
assert four[:3] == ["4.14.0", "True", "True"] and int(four[3]) >= 10
PY
