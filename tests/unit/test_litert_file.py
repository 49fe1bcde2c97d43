"""LiteRT files that are written here run as what they were made of."""

import cv2
import numpy as np
import pytest

from fer_core.errors import ModelError
from fer_core.models import registry
from fer_core.models.card import INT8_FILE, LITERT_FILE
from fer_core.models.litert_file import convert_onnx, with_batch_of_one
from fer_core.models.weight_packing import pack_weights, unpack_weights
from tests.conftest import YUNET, needs_yunet

ai_edge_litert = pytest.importorskip("ai_edge_litert.interpreter")
OUTPUTS = [f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in (8, 16, 32)]


def runner(data: bytes):
    interpreter = ai_edge_litert.Interpreter(model_content=data, num_threads=1)
    return interpreter, interpreter.get_signature_runner()


@needs_yunet
@pytest.mark.parametrize(("width", "height"), [(320, 256), (192, 320)])
def test_yunet_gives_the_same_as_in_opencv(astronaut, width: int, height: int) -> None:
    bgr = cv2.resize(astronaut[..., ::-1], (width, height))
    net = cv2.dnn.readNetFromONNX(str(YUNET))
    net.setInput(cv2.dnn.blobFromImage(bgr))
    expected = dict(zip(OUTPUTS, net.forward(OUTPUTS), strict=True))
    _, run = runner(convert_onnx(YUNET.read_bytes(), width, height))
    outputs = run(pixels=bgr[None].astype(np.float32))
    assert expected["cls_16"].max() > 0.5  # it sees the face
    for name in OUTPUTS:
        np.testing.assert_allclose(outputs[name], expected[name], atol=1e-4)


@pytest.mark.parametrize("file", [LITERT_FILE, INT8_FILE])
def test_a_free_batch_becomes_one_and_nothing_else_changes(file: str) -> None:
    data = (registry.SHIPPED / registry.FIRST_CHOICE / file).read_bytes()
    fixed = with_batch_of_one(data)
    (free, run), (one, run_one) = runner(data), runner(fixed)
    assert free.get_input_details()[0]["shape_signature"][0] == -1
    assert one.get_input_details()[0]["shape_signature"][0] == 1
    shape = one.get_input_details()[0]["shape"]
    pixels = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    expected, outputs = run(pixels=pixels), run_one(pixels=pixels)
    assert set(outputs) == set(expected)
    for name in expected:
        np.testing.assert_array_equal(outputs[name], expected[name])
    assert with_batch_of_one(fixed) == fixed


@pytest.mark.parametrize("data", [b"not ONNX", b"\x08\x06\x3a\xff\xff\xff\xff\x0f"])
def test_a_damaged_file_is_refused(data: bytes) -> None:
    with pytest.raises(ModelError, match="ONNX"):
        convert_onnx(data, 320, 256)


@needs_yunet
def test_an_operation_that_is_not_converted_is_named() -> None:
    data = YUNET.read_bytes().replace(b"Sigmoid", b"Softmax")
    with pytest.raises(ModelError, match="Softmax, which is not converted"):
        convert_onnx(data, 320, 256)


def test_weights_rounded_for_the_browser_hardly_change_the_output() -> None:
    data = (registry.SHIPPED / registry.FIRST_CHOICE / LITERT_FILE).read_bytes()
    packed = pack_weights(data)
    assert len(packed) < 0.3 * len(data)
    restored = unpack_weights(packed)
    assert len(restored) == len(data)
    (interpreter, run), (_, run_restored) = runner(data), runner(restored)
    shape = interpreter.get_input_details()[0]["shape"]
    pixels = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    expected, outputs = run(pixels=pixels), run_restored(pixels=pixels)
    for head in ("fer2013", "ferplus"):
        np.testing.assert_allclose(outputs[head], expected[head], atol=0.2)
        assert np.any(outputs[head] != expected[head])
    with pytest.raises(ValueError, match="packed"):
        unpack_weights(data)
