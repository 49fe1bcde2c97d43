"""Public datasets with their folders, names and lists as published, and generated pixels."""

import gzip
import io
import re
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from fer_core.cli.main import main
from fer_core.dataset import image_reading, import_record, scan
from fer_core.dataset.discover import needs_import, unknown_classes
from fer_core.dataset.importers import ImportOptions, archive, import_dataset, with_name
from fer_core.errors import DatasetError
from fer_core.images.codec import encode
from fer_core.labels import EMOTIONS, emotion_named
from fer_core.training import arrays

KAGGLE = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def face(seed: int, side: int = 48) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side), np.uint8)


PNG = image_reading.png(face(0))
JPEG = encode(np.repeat(face(0)[..., None], 3, 2), ".jpg")


def put(root: Path, *names: str, data: bytes = PNG) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def labels_of(root: Path, classes: Mapping[str, str] | None = None) -> dict[str, tuple[str, str]]:
    """Split and label of each image by its file's name; every file is accounted for."""
    index = scan(root, classes=classes)
    on_disk = sum(path.is_file() for path in root.rglob("*"))
    left_out = sum(each.count for each in index.left_out)
    assert int(index.is_readable.sum()) + left_out == on_disk
    table = index.table
    names = table["file"].str.rsplit("/", n=1).str[-1]
    return {
        name: (split, label)
        for name, split, label in zip(names, table["split"], table["label"], strict=True)
    }


def notes_of(root: Path, **options: object) -> str:
    return " ".join(scan(root, **options).notes)


RAF = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")
AFFECTNET = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry")


def test_raf_db_in_folders_of_numbers(tmp_path: Path) -> None:
    names = [f"{split}/{n}/{split}_{n:05}_aligned.jpg" for split in ("train", "test")
             for n in range(1, 8)]  # fmt: skip
    root = put(tmp_path / "archive" / "DATASET", *names, data=JPEG).parent
    put(root, "train_labels.csv", "test_labels.csv", data=b"image,label\ntrain_00001.jpg,5\n")
    assert labels_of(root) == {
        f"{split}_{n:05}_aligned.jpg": (split, RAF[n - 1])
        for split in ("train", "test")
        for n in range(1, 8)
    }
    assert "RAF-DB numbering: 1 is surprise" in notes_of(root)


def test_raf_db_with_its_list(tmp_path: Path) -> None:
    root = tmp_path / "RAF-DB"
    lines = [f"train_{n:05}.jpg {n}" for n in range(1, 8)] + ["test_0001.jpg 4"]
    for line in lines:
        stem = line.split(".")[0]
        put(root, f"basic/Image/aligned/{stem}_aligned.jpg", f"basic/Image/original/{stem}.jpg")
    put(root, "basic/EmoLabel/list_patition_label.txt", data="\n".join(lines).encode())
    found = labels_of(root)
    assert found == {f"train_{n:05}_aligned.jpg": ("train", RAF[n - 1]) for n in range(1, 8)} | {
        "test_0001_aligned.jpg": ("test", "happy")
    }
    put(root, "basic/EmoLabel/list_patition_label.txt", data=b"train_00001.jpg 5\ntrain_2.jpg\n")
    with pytest.raises(DatasetError, match=r"list_patition_label.txt, line 2: .*'train_2.jpg'"):
        scan(root)


@pytest.mark.parametrize("name", ["AffectNet", "affectnet-hq", "data"])
def test_affectnet_in_folders_of_numbers(tmp_path: Path, name: str) -> None:
    stem = "737db2483489148d783ef278f43f486c0a97e140fc4b6b61b84363ca"
    names = [f"{split}/{n}/{stem[:-2]}{n:02}.jpg" for split in ("train", "val") for n in range(8)]
    root = put(tmp_path / name, *names, data=JPEG)
    index = scan(root)
    assert len(index) == 14  # 7 is contempt
    splits = {"train": "train", "val": "validation"}
    for file, split, label in index.table[["file", "split", "label"]].itertuples(index=False):
        folder, number, _ = file.split("/")
        assert (split, label) == (splits[folder], AFFECTNET[int(number)])
    assert [(each.kind, each.count) for each in index.left_out] == [("other class", 2)]
    assert "AffectNet numbering" in notes_of(root)


def test_affectnet_with_its_annotations(tmp_path: Path) -> None:
    root = tmp_path / "affectnet"
    for split in ("train_set", "val_set"):
        for number in range(8):
            put(root, f"{split}/images/{number}.jpg", data=JPEG)
            (root / split / "annotations").mkdir(exist_ok=True)
            np.save(root / split / "annotations" / f"{number}_exp.npy", np.array(str(number)))
    index = scan(root)
    for file, split, label in index.table[["file", "split", "label"]].itertuples(index=False):
        assert label == AFFECTNET[int(Path(file).stem)]
        assert split == {"train_set": "train", "val_set": "validation"}[file.split("/")[0]]
    assert len(index) == 14


def test_affectnet_with_its_table_is_cut_by_the_boxes(tmp_path: Path) -> None:
    head = ("subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,"
            "valence,arousal\n")  # fmt: skip
    root = tmp_path / "source"
    photo = np.zeros((100, 100), np.uint8)
    photo[20:60, 30:70] = 200
    put(root, "Manually_Annotated_Images/689/a.jpg", "Manually_Annotated_Images/689/b.jpg",
        data=image_reading.png(photo))  # fmt: skip
    put(root, "Manually_Annotated_Images/training.csv",
        data=(head + "689/a.jpg,30,20,40,40,1;2,1,0.1,0.2\n689/b.jpg,30,20,40,40,1;2,9,0,0\n"
              "689/gone.jpg,0,0,9,9,1;2,6,0,0\n").encode())  # fmt: skip
    with pytest.raises(DatasetError, match="dataset import"):
        scan(root)
    index = scan(import_dataset(root))
    assert index.table["label"].tolist() == ["happy"]
    assert (index.table["width"].tolist(), index.table["height"].tolist()) == ([40], [40])
    assert image_reading.read(index.path(0)).mean() > 195  # the face alone
    assert "1 rows name no image" in " ".join(index.notes)


def test_ferplus_in_its_own_folders(tmp_path: Path) -> None:
    root = tmp_path / "FERPlus" / "data"
    rows = {
        "FER2013Train": ["fer0000000.png,\"(0, 0, 48, 48)\",4,0,0,1,3,2,0,0,0,0",
                         "fer0000001.png,\"(0, 0, 48, 48)\",0,8,0,0,0,0,0,0,2,0",
                         "fer0000002.png,\"(0, 0, 48, 48)\",0,1,0,0,0,0,0,9,0,0"],
        "FER2013Valid": ["fer0028638.png,\"(0, 0, 48, 48)\",0,0,0,9,1,0,0,0,0,0"],
        "FER2013Test": ["fer0032220.png,\"(0, 0, 48, 48)\",0,0,0,0,0,0,7,0,3,0"],
    }  # fmt: skip
    for folder, lines in rows.items():
        put(root, *(f"{folder}/{line.split(',')[0]}" for line in lines))
        put(root, f"{folder}/label.csv", data="\n".join(lines).encode())
    assert labels_of(root) == {
        "fer0000000.png": ("train", "neutral"), "fer0000001.png": ("train", "happy"),
        "fer0028638.png": ("validation", "sad"), "fer0032220.png": ("test", "fear"),
    }  # fmt: skip
    index = scan(root)
    assert index.votes is not None
    assert index.votes["happy"].tolist() == [0, 0, 8, 0]
    copied = scan(import_dataset(root))
    assert copied.votes is not None
    by_file = copied.votes.set_axis(copied.table["file"])
    assert by_file.loc["train/happy/fer0000001.png", "other"] == 2


def test_ck_plus_in_its_own_folders(tmp_path: Path) -> None:
    root = tmp_path / "CK+"
    for subject, sequence, last, emotion in (("S005", "001", 11, 3), ("S010", "002", 14, 7),
                                             ("S011", "001", 9, 2)):  # fmt: skip
        names = [f"{subject}_{sequence}_{frame:08}" for frame in (1, last)]
        put(root, *(f"cohn-kanade-images/{subject}/{sequence}/{name}.png" for name in names))
        put(root, f"Emotion/{subject}/{sequence}/{names[1]}_emotion.txt",
            data=f"   {emotion}.0000000e+00\n".encode())  # fmt: skip
    assert labels_of(root) == {
        "S005_001_00000011.png": ("train", "disgust"),
        "S010_002_00000014.png": ("train", "surprise"),
    }
    kinds = {each.kind: each.count for each in scan(root).left_out}
    assert (kinds["unlabelled"], kinds["other class"]) == (3, 1)


def test_annotations_of_images_with_equal_names_label_none_of_them(tmp_path: Path) -> None:
    """CK+ beside crops of its own frames: an annotation could mean either, so it means none."""
    root = tmp_path / "CK+"
    for number in (1, 2):
        name = f"S005_001_0000001{number}"
        put(root, f"cohn-kanade-images/S005/001/{name}.png")
        put(root, f"Emotion/S005/001/{name}_emotion.txt", data=b"3.0\n")
    put(root, "Emotion/S006/001/S006_001_00000009_emotion.txt", data=b"5.0\n")
    put(root, "crops/S005_001_00000012.png")
    assert labels_of(root) == {"S005_001_00000011.png": ("train", "disgust")}
    assert "CK+: 2 annotations name no image of this dataset, or more than one" in notes_of(root)


def test_ck_48(tmp_path: Path) -> None:
    folders = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
    root = put(tmp_path / "CK+48", *(f"{name}/S010_004_00000017.png" for name in folders))
    index = scan(root)
    assert sorted(index.table["label"]) == ["angry", "disgust", "fear", "happy", "sad", "surprise"]
    assert index.left_out[0].examples == ("contempt",)


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        ({"jaffe/KA.AN1.39.tiff": "angry", "jaffe/KM.FE2.12.tiff": "fear",
          "jaffe/YM.NE3.51.tiff": "neutral", "jaffe/UY.SU1.141.tiff": "surprise"}, "JAFFE"),
        ({"KDEF/AF01/AF01AFS.JPG": "fear", "KDEF/AF01/AF01ANFL.JPG": "angry",
          "KDEF/BM35/BM35HAHR.JPG": "happy", "KDEF/BM35/BM35DIHL.JPG": "disgust"}, "KDEF"),
        ({"Rafd090_01_Caucasian_female_angry_frontal.jpg": "angry",
          "Rafd090_33_Caucasian_male_surprised_left.jpg": "surprise"}, "RaFD"),
        ({"066_m_m_a_a.jpg": "angry", "066_m_m_s_b.jpg": "sad", "004_o_f_h_a.jpg": "happy"},
         "FACES"),
        ({"img_happy_01.png": "happy", "img_sad_02.png": "sad"}, "taken from the file name"),
    ],
    ids=["jaffe", "kdef", "rafd", "faces", "words"],
)  # fmt: skip
def test_the_class_in_the_file_name(tmp_path: Path, names: dict[str, str], labels: str) -> None:
    root = put(tmp_path / "faces", *names)
    put(root, "README.txt", data=b"x")
    found = labels_of(root)
    assert {name: label for name, (_, label) in found.items()} == {
        name.rsplit("/", 1)[-1]: label for name, label in names.items()
    }
    assert labels in notes_of(root)


def test_expw_is_cut_by_its_boxes(tmp_path: Path) -> None:
    root = tmp_path / "ExpW"
    photo = np.zeros((120, 120), np.uint8)
    photo[10:50, 20:60], photo[70:100, 80:110] = 90, 180
    put(root, "image/origin/afraid_african_215.jpg", data=image_reading.png(photo))
    put(root, "label/label.lst", data=b"afraid_african_215.jpg 0 10 20 60 50 44.6 2\n"
        b"afraid_african_215.jpg 1 70 80 110 100 40.1 3\ngone.jpg 0 1 2 3 4 9.9 0\n")  # fmt: skip
    assert needs_import(root)
    with pytest.raises(DatasetError, match="boxes"):
        scan(root)
    index = scan(import_dataset(root))
    light = {
        label: round(image_reading.read(index.path(row)).mean())
        for row, label in enumerate(index.table["label"])
    }
    assert light["fear"] == pytest.approx(90, abs=4)
    assert light["happy"] == pytest.approx(180, abs=4)
    assert "label.lst: 1 rows name no image of this dataset" in " ".join(index.notes)
    put(root, "label/label.lst", data=b"afraid_african_215.jpg 0 10 20\n")
    with pytest.raises(DatasetError, match=r"label.lst, line 1: .*Received: 'afraid"):
        import_dataset(root)


def test_a_table_of_files_and_labels(tmp_path: Path) -> None:
    root = put(tmp_path / "mine", "imgs/a.jpg", "imgs/b.jpg", "imgs/c.jpg", data=JPEG)
    put(
        root,
        "train.csv",
        data=b",image,emotion\n0,a.jpg,Happy\n1,imgs/b.jpg,suprise\n2,d.jpg,sad\n",
    )
    assert labels_of(root) == {"a.jpg": ("train", "happy"), "b.jpg": ("train", "surprise")}
    assert "labels for 2 of 3 images" in notes_of(root)
    put(root, "train.csv", data=b"image,emotion\na.jpg,3\nb.jpg,4\n")
    with pytest.raises(
        DatasetError, match=r"train.csv: the classes are the numbers 3, 4.*FER-2013"
    ):
        scan(root)
    assert labels_of(root, {"3": "happy", "4": "none"}) == {"a.jpg": ("train", "happy")}


@pytest.mark.parametrize(
    ("first", "says"), [(0, "FER-2013 or AffectNet"), (1, "RAF-DB or")], ids=["from 0", "from 1"]
)
def test_numbers_that_could_be_of_several_datasets_are_asked_for(
    tmp_path: Path, first: int, says: str, capsys: pytest.CaptureFixture
) -> None:
    numbers = [str(first + n) for n in range(7)]
    root = put(tmp_path / "data", *(f"train/{number}/{number}.png" for number in numbers))
    with pytest.raises(DatasetError, match=f"differs between datasets.*--classes .*{says}"):
        scan(root)
    assert unknown_classes(root) == dict.fromkeys(numbers, 1)
    name = "FER-2013" if first == 0 else "RAF-DB"
    assert main(["dataset", "scan", str(root), "--classes", name]) == 0
    assert "7 readable" in capsys.readouterr().out


# Class and split names


@pytest.mark.parametrize("name", ["{}", "{} ", " {}", "0_{}", "3-{}", "01. {}", "{}_faces", "{} (120)",
                                  "class {}", "{}!"])  # fmt: skip
@pytest.mark.parametrize("emotion", EMOTIONS)
def test_names_that_a_person_reads_at_once(emotion: str, name: str) -> None:
    for spelled in (emotion, emotion.upper(), emotion.title()):
        assert emotion_named(name.format(spelled)) == emotion


@pytest.mark.parametrize(
    ("name", "emotion"),
    [
        ("suprise", "surprise"), ("Supprise", "surprise"), ("surprize", "surprise"),
        ("digust", "disgust"), ("Disguist", "disgust"), ("netural", "neutral"),
        ("nuetral", "neutral"), ("hapy", "happy"), ("happyness", "happy"), ("angery", "angry"),
        ("saddness", "sad"), ("fearfull", "fear"), ("Wütend", "angry"), ("Wu\u0308tend", "angry"),
        ("Überraschung", "surprise"), ("tristeza", "sad"), ("colère", "angry"), ("joie", "happy"),
        ("怒り", "angry"), ("生气", "angry"), ("悲伤", "sad"), ("행복", "happy"), ("страх", "fear"),
        ("kızgın", "angry"), ("ngạc nhiên", "surprise"), ("anger_angry", "angry"),
        ("not happy", None), ("happily_surprised", None), ("happy_sad", None), ("danger", None),
        ("contempt", None), ("cats", None), ("1", None), ("", None), ("faces", None),
    ],
)  # fmt: skip
def test_misspellings_and_other_languages(name: str, emotion: str | None) -> None:
    assert emotion_named(name) == emotion


@pytest.mark.parametrize(
    ("place", "split"),
    [
        ("happy/val/1.png", "validation"), ("happy/test/1.png", "test"),
        ("train_set/happy/1.png", "train"), ("01_Training/happy/1.png", "train"),
        ("Validation Set/happy/1.png", "validation"), ("PrivateTest/happy/1.png", "test"),
        ("Public Test/happy/1.png", "validation"), ("FER2013Valid/happy/1.png", "validation"),
        ("outer/dataset/dev/happy/1.png", "validation"), ("happy/S010/test/1.png", "test"),
    ],
)  # fmt: skip
def test_splits_above_and_below_the_classes(tmp_path: Path, place: str, split: str) -> None:
    root = put(tmp_path / "data", place)
    assert labels_of(root) == {"1.png": (split, "happy")}


def test_subjects_above_the_classes(tmp_path: Path) -> None:
    root = put(tmp_path / "data", "S010/happy/1.png", "S011/sad/2.png", "S011/happy/3.png")
    assert labels_of(root) == {
        "1.png": ("train", "happy"), "2.png": ("train", "sad"), "3.png": ("train", "happy"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["fer/train/happy/1.png", "raf/train/sad/1.png"], "several datasets.*fer, raf"),
        (["cats/1.png"], r"unknown|name.* no emotion"),
        (["sets/1.zip"], "no images in class folders"),
    ],
)
def test_what_cannot_be_right_is_said(tmp_path: Path, names: list[str], says: str) -> None:
    with pytest.raises(DatasetError, match=says):
        scan(put(tmp_path / "data", *names))


# What is left out


HIDDEN = (
    "happy/._1.png", "happy/.thumbnails/1.png", "sad/.ipynb_checkpoints/2-checkpoint.png",
    "sad/.trashed-1700000000-2.png", "__MACOSX/happy/._1.png", "happy/Thumbs.db",
    "happy/desktop.ini", ".DS_Store", "sad/@eaDir/2.png/SYNOPHOTO_THUMB_M.jpg",
)  # fmt: skip


def test_every_file_is_counted_once(tmp_path: Path) -> None:
    root = put(tmp_path / "data", "happy/1.png", "sad/2.png", *HIDDEN)
    put(root, "zurprises/1.png", "contempt/1.png", "contempt/2.png", "loose.png", "happy/sad/1.png")
    put(root, "README.txt", "happy/clip.mp4", "happy/broken.png", data=b"x" * 20)
    index = scan(root)
    assert index.table["file"][index.is_readable].tolist() == ["happy/1.png", "sad/2.png"]
    assert {each.kind: each.count for each in index.left_out} == {
        "unknown class": 1, "other class": 2, "outside classes": 1, "two classes": 1,
        "unsupported": 1, "unreadable": 1, "hidden": len(HIDDEN), "document": 1,
    }  # fmt: skip
    labels_of(root)
    assert "Zurprises is most like surprise" in " ".join(index.notes)


def test_hidden_files_do_not_stop_training(tmp_path: Path) -> None:
    for split in ("train", "validation"):
        for emotion in EMOTIONS:
            put(tmp_path / "data", f"{split}/{emotion}/1.png")
            put(tmp_path / "data", f"{split}/{emotion}/._1.png", data=b"\0\5\x16\7" + bytes(90))
    assert len(arrays.load(scan(tmp_path / "data"), "train", 48, 1)) == 7


@pytest.mark.parametrize("name", ["photo.jfif", "photo.JPE", "photo", "photo.png", "photo.tmp"])
def test_the_content_says_what_an_image_is(tmp_path: Path, name: str) -> None:
    root = put(tmp_path / "data", f"happy/{name}", data=JPEG)
    assert scan(root).is_readable.tolist() == [True]
    assert len(scan(import_dataset(root))) == 1
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr(f"happy/{name}", JPEG)
    assert len(scan(import_dataset(with_name(buffer.getvalue(), "x.zip")))) == 1


@pytest.mark.parametrize("command", ["scan", "balance", "audit", "import", "evaluate"])
def test_every_command_says_what_it_left_out_and_takes_classes(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture
) -> None:
    places = [f"{split}/{name}/{n}.png" for split in ("train", "test")
              for name in (*EMOTIONS[:6], "zurprises") for n in range(2)]  # fmt: skip
    for seed, place in enumerate(places):
        put(tmp_path / "data", place, data=image_reading.png(face(seed)))
    lines = {
        "scan": ["dataset", "scan"], "balance": ["dataset", "balance", "--plan-only"],
        "audit": ["dataset", "audit", "--no-detect"], "import": ["dataset", "import"],
        "evaluate": ["evaluate", "--form", "fp32", "--head", "fer2013", "--data"],
    }  # fmt: skip
    assert main([*lines[command], str(tmp_path / "data")]) == 0
    captured = capsys.readouterr()
    assert "Zurprises is most like surprise" in captured.out + captured.err
    assert main([*lines[command], str(tmp_path / "data"), "--classes", "zurprises=surprise"]) == 0
    captured = capsys.readouterr()
    assert "most like" not in captured.out + captured.err


# Files of pixels


def row(emotion: object, usage: str = "Training", side: int = 48, first: int = 0) -> tuple:
    return emotion, usage, " ".join(map(str, [first, *[7] * (side * side - 1)]))


def csv_of(rows: list[tuple], head: str = "emotion,Usage,pixels", sep: str = ",") -> bytes:
    order = ("emotion", "usage", "pixels")
    columns = [name.strip().lower() for name in head.split(sep)]
    lines = [head]
    for number, values in enumerate(rows):
        named = dict(zip(order, map(str, values), strict=True))
        lines.append(sep.join(named.get(column, str(number)) for column in columns))
    return "\n".join(lines).encode()


ALL = [row(n, usage) for n in range(7) for usage in ("Training", "PublicTest", "PrivateTest")]


@pytest.mark.parametrize(
    ("data", "images"),
    [
        (csv_of(ALL, "emotion, Usage, pixels"), 21),
        (csv_of(ALL, "EMOTION,PIXELS,USAGE"), 21),
        (csv_of(ALL, ",emotion,pixels,Usage"), 21),
        (csv_of(ALL, "emotion;pixels;Usage", ";"), 21),
        (csv_of([row(f"{float(e)}", u) for e, u, _ in ALL]), 21),
        (csv_of([row(KAGGLE[e], u.lower()) for e, u, _ in ALL]), 21),
        (csv_of([*ALL, row(7), row(7)]), 21),
        (csv_of([row(e, u, 64) for e, u, _ in ALL]), 21),
        (csv_of([row(e, u, 128) for e, u, _ in ALL[:3]]), 3),
        (csv_of(ALL, "emotion,pixels"), 21),
        (csv_of(ALL).replace(b"\n", b"\r\n") + b"\r\n\r\n", 21),
        (b"\xef\xbb\xbf" + csv_of(ALL), 21),
        (csv_of(ALL).decode().encode("utf-16"), 21),
        (gzip.compress(csv_of(ALL)), 21),
    ],
    ids=["blanks", "capitals", "index column", "semicolons", "floats", "words", "eighth class",
         "64", "128", "no usage", "windows", "mark", "utf-16", "gzip"],
)  # fmt: skip
def test_every_spelling_of_fer2013_csv(data: bytes, images: int) -> None:
    root = import_dataset(with_name(data, "fer2013.csv"))
    index = scan(root)
    assert len(index) == images
    assert index.is_readable.all()
    for file, label in zip(index.table["file"], index.table["label"], strict=True):
        number = int(Path(file).stem[3:])
        assert KAGGLE.index(label) == (number // 3 if images == 21 else 0)
    record = import_record.load(root)
    assert record is not None
    assert sum(each.count for each in record.left_out) == data.count(b"\n7,Training")


def test_an_eighth_class_can_be_given_an_emotion() -> None:
    data = csv_of([*ALL, row(7), row(8)])
    with pytest.raises(DatasetError, match=r"fer2013.csv: Row 24 of the CSV.*--classes 8=EMOTION"):
        import_dataset(with_name(data, "fer2013.csv"))
    classes = {"7": "disgust", "8": "none"}
    index = scan(import_dataset(with_name(data, "fer2013.csv"), ImportOptions(classes=classes)))
    assert index.counts().loc["disgust"].sum() == 4


def packed_csv(kind: str) -> bytes:
    data, buffer = csv_of(ALL), io.BytesIO()
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:gz") as tar:
        member = tarfile.TarInfo("fer2013/fer2013.csv")
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    if kind == "tar.gz":
        return inner.getvalue()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        if kind == "nested":
            packed.writestr("fer2013.tar.gz", inner.getvalue())
        else:
            packed.writestr("fer2013/fer2013.csv" + ".gz" * (kind == "zip of gz"),
                            gzip.compress(data) if kind == "zip of gz" else data)  # fmt: skip
            packed.writestr("test.csv", "pixels\n1 2 3\n")
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["zip", "zip of gz", "tar.gz", "nested"])
def test_the_file_as_kaggle_packs_it(kind: str) -> None:
    root = import_dataset(with_name(packed_csv(kind), f"archive.{kind.split(maxsplit=1)[0]}"))
    assert len(scan(root)) == 21
    assert not [path for path in root.iterdir() if path.name.startswith(".")]


def test_a_folder_that_holds_the_csv(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    put(tmp_path / "kaggle", "fer2013/fer2013.csv", data=csv_of(ALL))
    assert needs_import(tmp_path / "kaggle")
    assert main(["dataset", "scan", str(tmp_path / "kaggle")]) == 2
    assert "dataset import" in capsys.readouterr().err
    assert main(["dataset", "import", str(tmp_path / "kaggle"), "--name", "made"]) == 0
    assert len(scan(Path(capsys.readouterr().out.strip()))) == 21


# Archives


def zip_of(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name in names:
            packed.writestr(name, PNG)
    return buffer.getvalue()


def test_a_zip_asks_for_classes_and_remembers_them() -> None:
    data = zip_of("x/train/zurprises/1.png", "x/train/happy/2.png", "x/__MACOSX/._1.png")
    file = with_name(data, "faces.zip")
    assert archive.unknown_classes(file) == {"zurprises": 1}
    first = scan(import_dataset(file))
    assert len(first) == 1
    assert any("faces.zip: 1 file in folders whose names" in note for note in first.notes)
    assert any("faces.zip: 1 file that is hidden" in note for note in first.notes)
    mapped = import_dataset(file, ImportOptions(classes={"zurprises": "surprise"}))
    assert scan(mapped).counts().loc["surprise", "train"] == 1
    record = import_record.load(mapped)
    assert record is not None
    assert record.classes == {"zurprises": "surprise"}


def test_a_zip_and_its_folder_give_the_same_dataset(tmp_path: Path) -> None:
    names = ["happy/S010/1.png", "happy/S011/1.png", "sad/S010/1.png"]
    unpacked = scan(import_dataset(put(tmp_path / "data", *names)))
    packed = scan(import_dataset(with_name(zip_of(*names), "data.zip")))
    assert unpacked.table["file"].tolist() == packed.table["file"].tolist()
    assert len(packed) == 3


@pytest.mark.parametrize("kind", ["absolute", "outside", "link", "device"])
def test_a_tar_that_leads_outside_is_refused_or_passed_over(tmp_path: Path, kind: str) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in (
            "happy/1.png",
            {"absolute": "/etc/x.png", "outside": "../x.png"}.get(kind, ""),
        ):
            if name:
                member = tarfile.TarInfo(name)
                member.size = len(PNG)
                tar.addfile(member, io.BytesIO(PNG))
        if kind in ("link", "device"):
            member = tarfile.TarInfo("happy/link.png")
            member.type = tarfile.SYMTYPE if kind == "link" else tarfile.CHRTYPE
            member.linkname = "/etc/passwd"
            tar.addfile(member)
    source = with_name(buffer.getvalue(), "faces.tar.gz")
    if kind in ("absolute", "outside"):
        with pytest.raises(DatasetError, match="leads outside"):
            import_dataset(source)
    else:
        assert scan(import_dataset(source)).table["file"].tolist() == ["train/happy/1.png"]


def plain(card: str) -> str:
    """Rows of a card's tables as ``name: first number,``."""
    return re.sub(r"\|\s*([a-z]+)\s*\|\s*(\d+)\s*\|", r"\1: \2,", card)


def test_classes_are_remembered_for_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    root = put(tmp_path / "data", "happy/1.png", "zurprises/2.png", "odd/3.png")
    command = ["dataset", "scan", str(root)]
    given = ["--classes", "Zurprises=surprise", "--classes", "odd=none"]
    assert main([*command, *given]) == 0
    assert "surprise: 1," in plain(capsys.readouterr().out)
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "surprise: 1," in plain(out)
    assert "Classes as given before: odd left out, zurprises is surprise." in out
    assert main([*command, "--classes", "zurprises=sad"]) == 0
    assert "sad: 1," in plain(capsys.readouterr().out)


def test_the_votes_packed_with_the_csv_are_joined() -> None:
    words = "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    lines = [f"Usage,Image name,{words}"]
    lines += [f"{usage},fer{n:07}.png,{n},9,0,0,0,0,0,0,0,0" for n, (_, usage, _) in enumerate(ALL)]
    buffer = io.BytesIO()
    for rows, count in ((lines, 21), (lines[:-1], 0)):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as packed:
            packed.writestr("fer2013.csv", csv_of(ALL))
            packed.writestr("fer2013new.csv", "\n".join(rows))
        index = scan(import_dataset(with_name(buffer.getvalue(), "archive.zip")))
        assert len(index) == 21
        assert (0 if index.votes is None else int((index.votes["happy"] > 0).sum())) == count
        notes = " ".join(index.notes)
        assert ("no row may be missing" in notes) == (count == 0)
        if index.votes is not None:
            numbers = [int(Path(file).stem[3:]) for file in index.table["file"]]
            assert index.votes["neutral"].tolist() == numbers
