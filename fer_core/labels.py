"""The seven emotions: their one order and their one palette."""

import difflib
import re
import unicodedata
from typing import Final

SPLITS: Final = ("train", "validation", "test")
"""The split names; a dataset without split folders is all ``train``."""

EMOTIONS: Final = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
"""The only class order anywhere: alphabetical, as Keras reads class folders."""

COLORS: Final = {
    "angry": "#D55E00",
    "disgust": "#009E73",
    "fear": "#CC79A7",
    "happy": "#E69F00",
    "neutral": "#6B6B6B",
    "sad": "#0072B2",
    "surprise": "#56B4E9",
}
"""One colour an emotion: Okabe and Ito's set, made to stay apart for colour-blind readers, with
grey in place of black (https://jfly.uni-koeln.de/color/)."""

UNCERTAIN_COLOR: Final = "#2A2D30"
"""Dark grey for a face whose emotion is left open."""

SPLIT_COLORS: Final = {"train": "#0B6E63", "validation": "#56A99B", "test": "#A5D3CA"}
"""One colour a split of a dataset: shades that no emotion has."""


_SYNONYMS: Final = {
    "angry": (
        "anger ang wut wütend zorn ärger verärgert colère fâché enojo enojado ira enfado "
        "enfadado rabia rabbia arrabbiato raiva zangado boos boosheid złość gniew kızgın "
        "öfke öfkeli злость гнев marah giận tức|giận 生气 愤怒 憤怒 生氣 怒り 怒 분노 화남 "
        "غضب गुस्सा क्रोध"
    ),
    "disgust": (
        "disgusted dis ekel angewidert dégoût dégoûté asco asqueado disgusto disgustato "
        "nojo walging wstręt obrzydzenie tiksinti iğrenme отвращение jijik ghê|tởm 厌恶 "
        "厭惡 恶心 嫌悪 혐오 역겨움 اشمئزاز घृणा"
    ),
    "fear": (
        "fearful fea afraid scared angst furcht ängstlich peur effrayé miedo temor asustado "
        "paura impaurito medo bang strach lęk korku страх takut sợ|hãi 恐惧 恐懼 害怕 恐れ "
        "恐怖 두려움 공포 خوف भय डर"
    ),
    "happy": (
        "happiness joy joyful hap happyness freude glücklich fröhlich joie heureux heureuse "
        "alegría alegria felicidad feliz contento felicità felice gioia felicidade blij "
        "blijdschap gelukkig radość szczęście mutlu mutluluk радость счастье senang bahagia "
        "vui|vẻ hạnh|phúc 高兴 高興 开心 開心 快乐 快樂 喜び 幸せ 행복 기쁨 سعادة فرح खुशी "
        "खुश"
    ),
    "neutral": (
        "neutrality neu neutre neutro neutra neutrale neutraal neutralny neutralność nötr "
        "нейтрально нейтральный нейтральное netral bình|thường trung|tính 中性 平静 中立 "
        "無表情 真顔 중립 무표정 محايد तटस्थ"
    ),
    "sad": (
        "sadness unhappy traurig trauer traurigkeit triste tristesse tristeza tristezza "
        "verdrietig verdriet smutek smutny üzgün üzüntü грусть печаль sedih buồn 悲伤 悲傷 "
        "伤心 傷心 难过 悲しみ 슬픔 حزن दुख दुःख उदास"
    ),
    "surprise": (
        "surprised sur astonished surprize surprized surprice suprize suprized überraschung "
        "überrascht erstaunt surpris sorpresa sorprendido sorpreso surpresa surpreso "
        "verrassing verrast zaskoczenie zdziwienie şaşkın şaşırma şaşkınlık удивление "
        "terkejut kaget ngạc|nhiên 惊讶 驚訝 吃惊 惊喜 驚き 놀람 مفاجأة आश्चर्य"
    ),
}
CLASS_NAMES: Final = {name: name for name in EMOTIONS} | {
    word.replace("|", " "): emotion
    for emotion, words in _SYNONYMS.items()
    for word in words.split()
}
"""Names of classes, in lower case, that stand for an emotion: synonyms and other languages."""

OTHER_CLASSES: Final = frozenset(
    {"contempt", "contemptuous", "contemptous", "unknown", "nf", "none", "uncertain", "noface",
     "nonface", "other", "others", "calm", "boredom", "bored", "pain", "confused", "confusion",
     "sleepy"}
)  # fmt: skip
"""Names of classes, in lower case, that are known and none of the seven."""

_FILLERS: Final = frozenset(
    {"face", "faces", "facial", "image", "images", "img", "imgs", "photo", "photos", "picture",
     "pictures", "pic", "pics", "emotion", "emotions", "expression", "expressions", "class",
     "label", "people", "samples", "crop", "crops", "cropped", "aligned", "frames", "the"}
)  # fmt: skip

_SPELLED: Final = (
    "angry", "anger", "disgust", "disgusted", "fearful", "happy", "happiness", "neutral",
    "sadness", "surprise", "surprised",
)  # fmt: skip
"""Names that are understood with a slip: a letter too many, missing or exchanged."""


def emotion_named(name: str) -> str | None:
    """Return the emotion that a class name stands for, or None.

    Case, numbers, punctuation and words such as "faces" around the name do not matter. Usual slips
    in the English names are understood; names of two emotions are not.
    """
    text = unicodedata.normalize("NFKC", name).casefold().strip()
    if text in CLASS_NAMES:
        return CLASS_NAMES[text]
    letters = re.findall(r"(?:[^\W\d_]|[\u0300-\u036f\u0900-\u097f])+", text)
    words = [word for word in letters if word not in _FILLERS and (len(word) > 1 or word > "z")]
    if " ".join(words) in CLASS_NAMES:
        return CLASS_NAMES[" ".join(words)]
    emotions = {CLASS_NAMES.get(word) or _misspelled(word) for word in words}
    return emotions.pop() if len(emotions) == 1 else None


def nearest_class_name(name: str) -> str | None:
    """Return the known class name that ``name`` is most like, or None where none is near."""
    near = difflib.get_close_matches(name.casefold().strip(), CLASS_NAMES, n=1, cutoff=0.7)
    return near[0] if near else None


def _misspelled(word: str) -> str | None:
    for name in _SPELLED:
        if len(word) >= 4 and word[0] == name[0] and _is_slip(word, name):
            return CLASS_NAMES[name]
    return None


def _is_slip(word: str, name: str) -> bool:
    """Return whether one letter was left out, added, doubled, exchanged or put before another."""
    start = _common_start(word, name)
    end = _common_start(word[: start - 1 : -1], name[: start - 1 : -1])
    middle, expected = word[start : len(word) - end], name[start : len(name) - end]
    if len(middle) + len(expected) == 1 or (len(middle) == 2 and middle == expected[::-1]):
        return True
    return len(name) >= 7 and len(middle) == len(expected) == 1


def _common_start(text: str, other: str) -> int:
    pairs = enumerate(zip(text, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(text), len(other)))
