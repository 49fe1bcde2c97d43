"""The modules of the view on the visitor's device give what Python gives, for the same vectors."""

import base64
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_core.images.boxes import Box
from fer_core.images.crop import face_crop, network_input, shrink
from fer_core.live import browser_files
from fer_core.live.browser_files import DETECTION_SCORE, DETECTOR_SIZES, TILES_SIZE
from fer_core.models import EmotionClassifier
from fer_core.models.litert_file import convert_onnx
from fer_core.models.quality import TOO_SMALL, Quality
from fer_core.models.registry import SHIPPED, load_card
from fer_core.models.softmax import softmax
from fer_core.models.weight_packing import pack_weights, unpack_weights
from fer_core.recognition import Recognizer, tracking
from fer_core.recognition.close_look import turn_upright
from fer_core.recognition.face import Detection, FaceEmotion
from fer_core.recognition.tracking import Tracker
from fer_core.recognition.yunet import WEAK_SCORE, YuNet
from fer_core.recognition.yunet_network import OpenCVYuNet
from tests.conftest import ROOT, YUNET, needs_yunet

pytestmark = pytest.mark.browser

SOURCES = ROOT / "pages" / "_live" / "on_device"
ADDRESS = "http://modules.test"


@pytest.fixture(scope="module")
def modules(browser) -> Iterator:
    """A blank page from which the modules can be imported."""
    context = browser.new_context()
    tab = context.new_page()

    def serve(route) -> None:
        name = Path(route.request.url).name
        if name.endswith(".js"):
            route.fulfill(path=SOURCES / name, content_type="text/javascript")
        else:
            route.fulfill(body="<!doctype html>", content_type="text/html")

    tab.route(f"{ADDRESS}/**", serve)
    tab.goto(f"{ADDRESS}/blank")
    yield tab
    context.close()


def call(tab, module: str, code: str, vectors):
    """Run ``code`` with the module as ``m`` and the vectors as ``v``."""
    script = f"async (v) => {{ const m = await import('{ADDRESS}/{module}'); {code} }}"
    return tab.evaluate(script, vectors)


@pytest.fixture(scope="module")
def photo(astronaut) -> np.ndarray:
    """A noisy frame, uint8 (120, 160, 3): every rounding shows."""
    small = cv2.resize(astronaut, (160, 120), interpolation=cv2.INTER_AREA)
    noise = np.random.default_rng(0).normal(0, 20, small.shape)
    return np.clip(small + noise, 0, 255).astype(np.uint8)


IMAGE = "const image = m.makeImage(160, 120, 3, Uint8ClampedArray.from(v.image));"


def test_crops_and_grey_equal_opencvs(modules, photo) -> None:
    random = np.random.default_rng(1)
    cases, expected = [], []
    for number in range(15):
        x, y = random.uniform(-20, 130), random.uniform(-20, 100)
        width = random.uniform(8, 150)
        box = [x, y, x + width, y + width * random.uniform(0.7, 1.4)]
        roll = float(random.uniform(-170, 170)) if number % 3 else 0.0
        margin, size = float(random.choice([-0.035, 0.02])), int(random.choice([32, 48]))
        crop = face_crop(photo, Box(*box), size, roll, margin)
        cases.append({"box": box, "size": size, "roll": roll, "margin": margin})
        expected.append((crop.ravel(), network_input([crop], size, 1).ravel()))
    code = f"""{IMAGE} return v.cases.map(({{ box, size, roll, margin }}) => {{
      const crop = m.faceCrop(image, box, size, roll, margin), grey = new Float32Array(size * size);
      m.fillInput(grey, crop, 1);
      return [[...crop.data], [...grey]];
    }})"""
    results = call(modules, "pixels.js", code, {"image": photo.ravel().tolist(), "cases": cases})
    for (crop, grey), (expected_crop, expected_grey) in zip(results, expected, strict=True):
        np.testing.assert_array_equal(crop, expected_crop)
        np.testing.assert_array_equal(grey, expected_grey)


@pytest.mark.parametrize("edge", [160, 80, 40, 93])
def test_shrunk_frames_equal_opencvs(modules, photo, edge: int) -> None:
    expected = shrink(photo, edge)
    code = f"""{IMAGE} const size = m.shrunkSize(160, 120, v.edge);
      return [size, [...m.shrink(image, ...size).data]]"""
    vectors = {"image": photo.ravel().tolist(), "edge": edge}
    size, data = call(modules, "pixels.js", code, vectors)
    assert size == list(expected.shape[1::-1])
    difference = np.abs(np.array(data, int) - expected.ravel().astype(int))
    assert difference.max() <= (0 if 160 % edge == 0 else 1)
    assert (difference > 0).mean() < 0.001


def interpreter(width: int, height: int):
    """The converted detector, as a function of its pixels."""
    from ai_edge_litert.interpreter import Interpreter

    model = Interpreter(model_content=convert_onnx(YUNET.read_bytes(), width, height))
    return model.get_signature_runner()


@needs_yunet
def test_faces_are_decoded_as_opencv_decodes_them(modules, astronaut) -> None:
    ten = np.hstack([cv2.resize(astronaut[:400, 60:400], (64, 80)) for _ in range(4)])
    frames = [astronaut[:384], np.vstack([ten, ten[:, ::-1]]), astronaut[40:240, 140:390]]
    frames = [cv2.resize(frame, (320, 240)) for frame in frames]  # OpenCV pads to 256 as well
    width, height = DETECTOR_SIZES[0]
    run = interpreter(width, height)
    for frame in frames:
        small = shrink(frame, 320)
        padded = np.zeros((height, width, 3), np.float32)
        padded[: small.shape[0], : small.shape[1]] = small[..., ::-1]
        outputs = {
            name: values.ravel().tolist() for name, values in run(pixels=padded[None]).items()
        }
        detector = YuNet(OpenCVYuNet(YUNET, DETECTION_SCORE))
        faces = [d for d in detector._search(small) if d.score >= DETECTION_SCORE]
        assert faces
        vectors = {"outputs": outputs, "size": {"width": width, "height": height}}
        code = f"return m.decode(v.outputs, v.size, {DETECTION_SCORE})"
        decoded = call(modules, "yunet.js", code, vectors)
        faces.sort(key=lambda d: -d.score)
        assert len(decoded) == len(faces)
        for face, expected in zip(decoded, faces, strict=True):
            np.testing.assert_allclose(face["box"], expected.box.xyxy, atol=0.01)
            assert face["score"] == pytest.approx(expected.score, abs=1e-4)
            assert face["roll"] == pytest.approx(expected.roll, abs=0.1)


@needs_yunet
def test_faces_on_their_side_are_turned_as_in_python(modules, astronaut) -> None:
    width, height = TILES_SIZE
    runner = interpreter(width, height)

    def run_tiles(pixels: str) -> dict[str, list[float]]:
        tiles = np.frombuffer(base64.b64decode(pixels), np.uint8).astype(np.float32)
        rows = runner(pixels=tiles.reshape(1, height, width, 3))
        return {name: values.ravel().tolist() for name, values in rows.items()}

    modules.expose_function("runTiles", run_tiles)
    code = f"""const {{ decode }} = await import('{ADDRESS}/yunet.js');
      const {{ makeImage }} = await import('{ADDRESS}/pixels.js');
      const {{ tile, least }} = v.rules, size = {{ width: 4 * tile, height: tile }};
      const search = async (tiles) => {{
        const input = new Float32Array(size.width * size.height * 3);
        m.fillTiles(input, tiles, tile);
        const text = Array.from(input, (value) => String.fromCharCode(value)).join("");
        return decode(await window.runTiles(btoa(text)), size, least);
      }};
      const bytes = Uint8ClampedArray.from(atob(v.image), (one) => one.charCodeAt(0));
      const image = makeImage(v.width, v.height, 3, bytes);
      return m.turnUpright(image, v.faces, v.rules, search)"""
    rules = browser_files.rules(load_card("mobilenetv2"), "fer2013", "fp32")["upright"]
    detector = YuNet(OpenCVYuNet(YUNET, WEAK_SCORE))
    photo, turned = cv2.resize(astronaut, (320, 320), interpolation=cv2.INTER_AREA), 0
    for quarters in range(4):
        image = np.ascontiguousarray(np.rot90(photo, quarters))
        faces, _ = detector._split(detector._search(image), DETECTION_SCORE)
        assert faces
        expected = turn_upright(image, faces, detector._search)
        vectors = {
            "image": base64.b64encode(image.tobytes()).decode(),
            "width": 320, "height": 320, "rules": rules,
            "faces": [{"box": f.box.xyxy, "score": f.score, "roll": f.roll} for f in faces],
        }  # fmt: skip
        result = call(modules, "upright.js", code, vectors)
        for face, other in zip(result, expected, strict=True):
            np.testing.assert_allclose(face["box"], other.box.xyxy, atol=0.05)
            assert face["score"] == pytest.approx(other.score, abs=1e-3)
            assert face["roll"] == pytest.approx(other.roll, abs=0.5)
        turned += faces != expected
    assert turned >= 2


@pytest.mark.parametrize("form", ["fp32", "fp16"])
@pytest.mark.parametrize("name", ["mobilenetv2", "fernet"])
def test_a_models_card_is_read_as_in_python(modules, astronaut, name: str, form: str) -> None:
    card = load_card(name)
    face = astronaut[40:240, 130:330]
    noise = np.random.default_rng(6).integers(0, 255, face.shape, np.uint8)
    covered = face.copy()
    covered[110:] = 200
    side = np.rot90(face)
    crops = [face, face // 12, cv2.blur(face, (41, 41)), covered, side, noise, face]
    crops = [cv2.resize(crop, (card.input_size, card.input_size)) for crop in crops]
    boxes = [Box(0, 0, 90, 90)] * 6 + [Box(0, 0, 9, 12)]
    for head in card.heads:
        classifier = EmotionClassifier(card, head, form=form)
        outputs = classifier.outputs(crops)
        detections = tuple(Detection(box, 0.9) for box in boxes)
        faces = Recognizer(classifier, YuNet.__new__(YuNet))._faces(detections, crops)
        names = [head, *(["quality"] if card.quality else [])]
        vectors = {
            "rules": browser_files.rules(card, head, form), "boxes": [box.xyxy for box in boxes],
            "size": card.input_size, "outputs": [
                {name: outputs[name][at].tolist() for name in names} for at in range(len(crops))
            ],
        }  # fmt: skip
        code = """const classifier = { input: new Float32Array(v.size ** 2 * 3), run: async () => classifier.outputs };
          const recognizer = new m.TrackingRecognizer(null, classifier, v.rules);
          const crop = { data: new Uint8ClampedArray(v.size ** 2 * 3) };
          const faces = [];
          for (const [at, box] of v.boxes.entries()) {
            classifier.outputs = v.outputs[at];
            const { probabilities, reason } = await recognizer.judge(crop, box);
            faces.push({ probabilities: [...probabilities], reason,
                         uncertain: Boolean(reason) || Math.max(...probabilities) < v.rules.abstain_below });
          }
          return faces"""
        results = call(modules, "recognizer.js", code, vectors)
        for result, expected in zip(results, faces, strict=True):
            np.testing.assert_allclose(
                result["probabilities"], expected.probabilities, rtol=1e-5, atol=1e-7
            )
            assert (result["reason"], result["uncertain"]) == (expected.reason, expected.uncertain)
        if card.quality:
            assert len({expected.reason for expected in faces}) >= 4


def test_tracking_and_labels_equal_pythons(modules) -> None:
    frames = list(walk())
    expected = []
    tracker = Tracker(half_life_s=0.3)
    for time_s, detections, probabilities, reasons in frames:
        faces = [Detection(Box(*box), 0.9) for box in detections]
        persons, faces = tracker.associate(faces, time_s)
        values = [
            FaceEmotion(face, np.float32(p), bool(reason or max(p) < 0.45), reason=reason)
            for face, p, reason in zip(faces, probabilities, reasons, strict=True)
        ]
        expected.append(tracker.smooth(persons, values, time_s, 0.45))
    code = """const tracker = new m.Tracker(v.rules);
      return v.frames.map(([time, boxes, shares, reasons]) => tracker
        .associate(boxes.map((box) => ({ box })), time)
        .map((face, at) => tracker.smooth(face, Float32Array.from(shares[at]), time, 0.45, reasons[at]))
        .map((face) => ({ ...face, probabilities: [...face.probabilities] })))"""
    rules = {
        "max_absence_s": tracking.MAX_ABSENCE_S, "max_gap_s": tracking.MAX_GAP_S,
        "speed": tracking.SPEED, "lead": tracking.LEAD, "band": tracking.BAND,
    }  # fmt: skip
    results = call(modules, "tracking.js", code, {"rules": rules, "frames": frames})
    for faces, others in zip(results, expected, strict=True):
        assert [face["person"] for face in faces] == [other.person for other in others]
        for face, other in zip(faces, others, strict=True):
            assert tracking.EMOTIONS[face["label"]] == other.label
            assert (face["uncertain"], face["reason"]) == (other.uncertain, other.reason)
            np.testing.assert_array_equal(np.float32(face["probabilities"]), other.probabilities)
            np.testing.assert_allclose(face["box"], other.box.xyxy, rtol=1e-12)
    everyone = [face for faces in expected for face in faces]
    assert max(face.person for face in everyone) > 5  # some left and returned
    assert {face.reason for face in everyone} == {"", "covered", "turned"}


def walk() -> Iterator[tuple[float, list, list, list]]:
    """Up to five faces that wander, cross, leave and return: time, boxes, probabilities, reasons."""
    random = np.random.default_rng(2)
    places = random.uniform(50, 400, (5, 2))
    shares = random.dirichlet(np.ones(7), 5)
    time_s = 0.0
    for number in range(400):
        time_s += float(
            random.choice([0.033, 0.05, 0.6, 2.0, 4.0], p=[0.7, 0.26, 0.02, 0.01, 0.01])
        )
        places += random.normal(0, 6, places.shape)
        shares = 0.8 * shares + 0.2 * random.dirichlet(np.ones(7) / 2, 5)
        present = [i for i in range(5) if (number // (30 + 17 * i)) % 2 == 0]
        order = random.permutation(present).tolist()
        boxes = [[*places[i], *(places[i] + 60 + 10 * i)] for i in order]
        boxes = [[float(value) for value in box] for box in boxes]
        rows = [(np.float32(shares[i]) / np.float32(shares[i]).sum()).tolist() for i in order]
        words = ["covered", "turned"] if number % 60 < 25 else [""]
        yield time_s, boxes, rows, random.choice(words, len(order)).tolist()


def test_pairs_have_the_largest_sum(modules) -> None:
    from scipy.optimize import linear_sum_assignment

    random = np.random.default_rng(3)
    tables = [random.uniform(0, 2, random.integers(1, 8, 2)) for _ in range(200)]
    tables += [table * (table > 1) for table in tables]  # as boxes that do not meet
    found = call(
        modules, "tracking.js", "return v.map((table) => m.assign(table))",
        [table.tolist() for table in tables],
    )  # fmt: skip
    for table, pairs in zip(tables, found, strict=True):
        rows, columns = linear_sum_assignment(table, maximize=True)
        assert len(pairs) == len(rows)
        assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(rows)
        total = sum(table[row, column] for row, column in pairs)
        assert total == pytest.approx(table[rows, columns].sum())


def test_probabilities_equal_pythons(modules) -> None:
    logits = np.random.default_rng(4).normal(0, 4, (50, 7)).astype(np.float32)
    code = "return v.map((row) => [...m.softmax(Float32Array.from(row))])"
    results = call(modules, "recognizer.js", code, logits.tolist())
    np.testing.assert_allclose(results, softmax(logits), atol=2e-7)


def test_rows_wait_for_the_server_and_none_is_lost(modules) -> None:
    code = """const sent = [], report = new m.Report((message) => sent.push(message));
      const face = { person: 1, label: 3, uncertain: false, reason: "", score: 0.9, roll: 0, box: [1, 2, 3, 4],
                     probabilities: [0, 0, 0, 1, 0, 0, 0] };
      const add = (id) => report.add(id, id / 30, 640, 480, [face], ["covered"]);
      add(1); report.flush(0, true, {});
      add(2); report.flush(1000, true, {});  // the server still works
      report.acknowledge(1, 1100); add(3);
      report.flush(2000, true, {});  // it took long: a pause
      report.flush(4500, true, {});
      add(4); report.flush(11000, true, {});  // no answer for long
      report.flush(11001, false, {}, true);
      return sent"""
    sent = call(modules, "report.js", code, None)
    assert [[row[0] for row in message["rows"]] for message in sent] == [
        [1], [2, 3], [2, 3, 4], [2, 3, 4]
    ]  # fmt: skip
    assert [message["number"] for message in sent] == [1, 2, 3, 4]
    assert [message["running"] for message in sent] == [True, True, True, False]
    assert sent[0]["rows"][0] == [1, 33.3, 640, 480, [
        [1, 3, 0, -1, 0.9, 0, 1, 2, 3, 4, 0, 0, 0, 1, 0, 0, 0]
    ]]  # fmt: skip


def test_crops_stay_until_the_server_has_them(modules) -> None:
    code = """const sent = [], queue = new m.CropQueue((message) => sent.push([message.number, ...message.list]));
      queue.add(1, 0);
      for (let crop = 2; crop < 15; crop++) queue.add(crop, 400);  // the server still works
      queue.acknowledge(["another", 1], 450);
      queue.acknowledge([queue.id, 1], 500);
      queue.flush(5400); queue.flush(5600);  // no answer for long: the same again
      queue.acknowledge([queue.id, 2], 5700); queue.flush(5700); queue.flush(6000);
      queue.acknowledge([queue.id, 3], 6100);
      for (let crop = 0; crop < 60; crop++) queue.add(crop, 6100);
      const full = queue.isFull;
      queue.close();
      return [sent, full]"""
    sent, full = call(modules, "crop_queue.js", code, None)
    assert sent == [[1, 1], [2, *range(2, 12)], [2, *range(2, 12)], [3, 12, 13, 14]]
    assert full


def test_reasons_not_to_judge_a_face_equal_pythons(modules) -> None:
    quality = Quality(("covered", "blurred", "turned"), (0.7, 0.4, 0.5), min_side=20)
    random = np.random.default_rng(5)
    logits = random.normal(-1, 2, (200, 3)).astype(np.float32)
    sides = random.uniform(10, 60, 200)
    expected = [
        TOO_SMALL if quality.is_too_small(side) else reason
        for side, reason in zip(sides, quality.reasons_of(logits), strict=True)
    ]
    assert {*expected} == {"", TOO_SMALL, *quality.reasons}
    code = f"""return v.logits.map((row, at) =>
      m.reasonOf(Float32Array.from(row), [0, 0, v.sides[at] / 2, v.sides[at]], v.quality, "{TOO_SMALL}"))"""
    vectors = {"logits": logits.tolist(), "sides": sides.tolist(), "quality": quality.to_dict()}
    assert call(modules, "recognizer.js", code, vectors) == expected


def test_packed_weights_are_restored_as_in_python(modules) -> None:
    data = (SHIPPED / "fernet" / "model.tflite").read_bytes()
    packed = pack_weights(data)
    assert len(packed) < 0.3 * len(data)
    restored = unpack_weights(packed)
    code = """const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
      const data = m.unpackWeights(bytes(v));
      let sum = 0;
      for (let at = 0; at < data.length; at++) sum = (Math.imul(sum, 31) + data[at]) >>> 0;
      return [data.length, sum, [...m.unpackWeights(Uint8Array.of(1, 2, 3))]]"""
    length, total, plain = call(modules, "weights.js", code, base64.b64encode(packed).decode())
    expected = 0
    for byte in restored:
        expected = (expected * 31 + byte) & 0xFFFFFFFF
    assert (length, total, plain) == (len(restored), expected, [1, 2, 3])
