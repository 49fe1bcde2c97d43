#!/usr/bin/env bash
# aiortc 1.16.0 (the WebRTC of streamlit-webrtc) keeps the bitrate of what it sends between 250 and 1,500 kbit/s for VP8 and
# between 500 and 3,000 kbit/s for H.264, whatever the connection can carry and whatever is asked for. The limits are constants of
# the modules; there is no setting.
# Observed: asked for 10 Mbit/s, the encoders take 1,500,000 and 3,000,000; asked for 50 kbit/s, 250,000 and 500,000.
# A 1280x720 camera looks soft on a local network for this reason.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check aiortc==1.16.0
env/bin/python - <<'PY'
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder

seen = {}
for encoder in (Vp8Encoder(), H264Encoder()):
    rates = [encoder.target_bitrate]
    for asked in (50_000, 10_000_000):
        encoder.target_bitrate = asked
        rates.append(encoder.target_bitrate)
    seen[type(encoder).__name__] = rates
print("at the start, asked for 50 kbit/s, asked for 10 Mbit/s:", seen)
assert seen == {
    "Vp8Encoder": [500_000, 250_000, 1_500_000],
    "H264Encoder": [1_000_000, 500_000, 3_000_000],
}
PY
