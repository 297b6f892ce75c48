"""What looks like an order to the judge: flagged on the verdict, never removed, never a reason to answer otherwise.

Words that only somebody who speaks to a judge would use, in the languages below, and the shapes in which prompts,
replies and calls of tools are written. Texts are compared as a reader would take them: hidden characters left out,
look-alike letters folded, single letters drawn together, base64 and hexadecimal read.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence

import re2

from metrics_pipeline.conversations.record import Turn, shown_text

_BETWEEN = "\n\0\n"
"""Nothing that is looked for reaches over it: one search of everything finds what a search of each turn would."""
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e007a]+\U000e007f")
"""The flags of England, Scotland and Wales: the one use of tag characters that shows something."""
_REORDERING = re.compile("[\u202a-\u202e\U000e0000-\U000e007f]")
_HIDES = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")
_BREAKS = re.compile("[\x85\u2028\u2029\r]")
_ACCENTS = re.compile("[\u0300-\u036f]")
_SPACED = re.compile(r"(?<!\w)(?:\w[ .\-_]){5,}\w(?!\w)")
_GAP = re.compile(r"(?<=\b\w)[ .\-_](?=\w\b)")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")
_HEXADECIMAL = re.compile(r"(?:[0-9a-f]{2}){16,}")
_SIGNS_FOR_LETTERS = re.compile(r"(?<![a-z0-9])(?=[a-z0-9]*[a-z])(?=[a-z0-9]*[0134578])[a-z0-9]{3,}")
_MAY_BE_BASE64 = re2.compile(r"[A-Za-z0-9+/]{24}")
_MAY_MEAN_MORE = re2.compile(r"(?:[\pL\pN_][ .\-_]){5}|[a-z][0-9]|[0-9][a-z]|[0-9a-f]{32}")
"""Wherever a pattern above finds something these do too: RE2 sees in a tenth of the time that most texts hold none."""
_LETTERS = str.maketrans("0134578", "oieastb")
_LOOK_ALIKES = str.maketrans("авекмнорстухѕіјԁԛԝαβεικνορτυχ", "abekmhopctyxsijdqwabeikvoptux")
_FOREIGN = re.compile("[\u0370-\u052f]")

# Verbs that set something aside, and what is set aside: in either order, within a sentence.
_SET_ASIDE = {
    "en": (
        r"\b(?:ignor(?:e|ing)|disregard|forget|overrid(?:e|ing)|bypass|stop following|(?:do not|don't) follow"
        r"|pay no attention to)\b",
        r"\b(?:instructions?|rules?|prompts?|above|previous|guidelines?|transcript|rubric|were told)\b",
    ),
    "es": (
        r"\b(?:ignor[ae]\w*|olvid[ae]\w*|descart[ae]\w*|no hagas caso)\b",
        r"\b(?:instrucciones|reglas|indicaciones)\b",
    ),
    "fr": (
        r"\b(?:ignore[rz]?|oublie[rz]?|(?:tiens|tenez) pas compte)\b",
        r"\b(?:instructions|consignes|regles|directives)\b",
    ),
    "de": (r"\b(?:ignorier\w*|vergiss|vergessen sie|missacht\w*)\b", r"(?:anweisung|\bregeln|\bvorgaben|instruktion)"),
    "it": (r"\b(?:ignor(?:a|ate|are)|dimentica\w*)\b", r"\b(?:istruzioni|regole|indicazioni)\b"),
    "pt": (r"\b(?:ignor[ae]\w*|esquec[ae]\w*|desconsider[ae]\w*)\b", r"\b(?:instrucoes|regras|orientacoes)\b"),
    "nl": (r"\b(?:negeer|vergeet)\b", r"\b(?:instructies|regels|opdrachten)\b"),
    "pl": (r"\b(?:z?ignoruj\w*|zapomnij\w*|pomin)\b", r"\b(?:instrukcj|polecen|zasad|wytyczn)"),
    "sv": (r"\b(?:ignorera|glom|bortse)\b", r"\b(?:instruktioner|regler|anvisningar)"),
    "id": (r"\b(?:abaikan|lupakan)\b", r"\b(?:instruksi|perintah|aturan)\b"),
    "vi": (r"\b(?:bo qua|quen)\b", r"\b(?:huong dan|chi dan|quy tac|lenh)\b"),
    "el": (r"\b(?:αγνοησ|ξεχνα|ξεχασ)", r"(?:οδηγι|εντολ|κανον)"),
    "ru": (r"(?:игнорируй|забудь|не обращай)", r"(?:инструкци|правил|указани)"),
    "uk": (r"(?:ігноруй|забудь)", r"(?:інструкці|правил|вказівк)"),
    "tr": (r"(?:yok say|gormezden gel|unut|dikkate alma)", r"(?:talimat|kural|yonerge)"),
    "zh": ("(?:忽略|无视|無視|忘记|忘記|不要理会|不要遵守)", "(?:指令|指示|规则|規則|提示|说明)"),
    "ja": ("(?:無視|忘れ)", "(?:指示|命令|ルール|規則|プロンプト)"),
    "ko": ("(?:무시|잊)", "(?:지시|명령|규칙|지침)"),
    "ar": ("(?:تجاهل|انس)", "(?:التعليمات|الاوامر|القواعد|الأوامر)"),
    "hi": ("(?:अनदेखा|नज़रअंदाज|भूल)", "(?:निर्देश|नियम)"),
}
_ORDERS = (
    r"\b(?:system|developer)\s*(?:prompt|message|override)\b",
    r"\b(?:you are|as)\s+(?:an?|the)\s+(?:\w+\s+)?(?:ai|judge|evaluator|grader|reviewer|language model)\b",
    r"\b(?:whoever|whatever|ai|model|system|those)\s+(?:that\s+|who\s+)?(?:is\s+)?(?:evaluat|grad|judg|scor)(?:es?|ing)\b",
    r"\b(?:automated|ai)\s+(?:reviewer|evaluator|grader|judge)\b",
    r"\b(?:if|when)\s+you\s+(?:are\s+a\s+language\s+model|judge|evaluate|grade)\b",
    r"\b(?:this|your|the|skip|pass)\s+(?:evaluation|grading|rubric|metric)s?\b",
    r"\b(?:evaluat|scor|grad|judg)(?:e|ing)\s+(?:of\s+)?th(?:is|e)\s+(?:call|chat|conversation|transcript)\b",
    r"\b(?:dear|note to (?:the )?|attention)\s*(?:ai |llm )?(?:grader|judge|evaluator|reviewer)\b",
    r"\bnew\s+(?:task|role|system\s+prompt|instructions)\s*(?:is|are|:)",
    r"\b(?:you\s+should|you\s+must|please)\s+(?:now\s+)?pretend\b",
    r"\b(?:mark|rate|score|grade|label|classify|judge)\s+this\s+(?:\w+\s+)?(?:call|chat|conversation|transcript)\b"
    r".{0,40}\b(?:as|with)\b",
    r"\b(?:answer|respond|reply|output)\s+(?:only\s+)?(?:with\s+)?[\"'{]",
    r"\b(?:answer|respond|reply|return|output|say)\s+(?:with\s+|only\s+)*(?:true|false)\b",
    r"\b(?:right|correct|only)\s+answer\s+is\s+[\"']?(?:true|false)\b",
    r"\b(?:end|begin(?:ning)?|start)\s+of\s+(?:the\s+)?(?:transcript|input|prompt)\b",
    r"\bmark\s+of\s+your\s+transcript\b",
    r"\bparts\s+of\s+your\s+reply\b",
    r"\b(?:repeat|print|reveal|quote|output)\b.{0,40}\byour\s+(?:system\s+)?(?:instructions|prompt|rubric)\b",
    r"\bturn_index\b",
)
_SHAPES = (
    r"[\"'][a-z_]+[\"']\s*:\s*[\"'\[{tfn\d-]",
    r"</[a-z_]+[^<>\n]*>",
    r"<\s*[/|!]?\s*/?\s*(?:transcript|system|assistant|user|instructions?|answer|evidence|tool_call|function_calls?"
    r"|script|start_of_turn|end_of_turn|im_start|im_end|[a-z_]+_id\s*\|)",
    r"<\|[a-z_]+\|>",
    r"<<sys>>|\[/?inst\]|\]\]>|<!--",
    r"^[\s#*\-\[(>]*(?:system|assistant|judge|developer|human)\b\s*(?:\w+\s*)?[\]*)]*\s*:",
    r"^\s*(?:agent|caller|customer)\s*:",
    r"^\s*#+\s+\S",
    r"^\s*answers\s*:",
    r"```",
)


def looks_like_an_order(turns: Sequence[Turn]) -> bool:
    """Whether anything said looks as if it were meant for the judge and not for the other side.

    A function's lines are JSON and markup by nature: there, words alone count.
    """
    texts = [(turn.speaker == "function", _FLAG.sub("", shown_text(turn))) for turn in turns]
    if any(_REORDERING.search(text) for _, text in texts if not text.isascii()):
        return True
    spoken = _BETWEEN.join(text for is_function, text in texts if not is_function)
    called = _BETWEEN.join(text for is_function, text in texts if is_function)
    return any(map(_spoken, _as_read(spoken))) or any(map(_called, _as_read(called)))


def _as_read(text: str) -> Iterator[str]:
    """`text` as a reader would take it, and in the other ways in which it may be meant."""
    # Half a surrogate pair does not travel as UTF-8, and stands for no letter.
    plain = _folded(text.encode("utf-8", "replace").decode())
    yield plain
    if _FOREIGN.search(plain):
        yield plain.translate(_LOOK_ALIKES)
    if _MAY_BE_BASE64.search(text.encode("utf-8", "replace")):
        yield from map(_decoded, _BASE64.findall(text))
    if not _MAY_MEAN_MORE.search(plain):
        return
    if _SPACED.search(plain):
        yield _GAP.sub("", plain)
    if _SIGNS_FOR_LETTERS.search(plain):
        yield _SIGNS_FOR_LETTERS.sub(lambda found: found[0].translate(_LETTERS), plain)
    for found in _HEXADECIMAL.findall(plain):
        yield _folded(bytes.fromhex(found).decode("utf-8", "replace"))


def _folded(text: str) -> str:
    """`text` in small letters, without accents, entities, compatibility forms and what hides."""
    text = _BREAKS.sub("\n", text)
    if "&" in text:
        text = html.unescape(text)
    if text.isascii():
        return text.lower()
    return _unaccented(_HIDES.sub("", text)).casefold()


def _unaccented(text: str) -> str:
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFKD", text)))


def _decoded(text: str) -> str:
    try:
        return _folded(base64.b64decode(text + "=" * (-len(text) % 4)).decode())
    except (binascii.Error, ValueError):
        return ""


def _set_aside(verbs: str, nouns: str) -> str:
    return f"{verbs}.{{0,40}}{nouns}|{nouns}.{{0,40}}{verbs}"


def _search(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether any of `patterns` stands in a text. RE2 is many times as fast and sees that most texts hold none."""
    words = [_set_aside(*map(_unaccented, pair)) for pair in _SET_ASIDE.values()]
    whole = re.compile("|".join([*words, *patterns]), re.MULTILINE)
    # Its words are ASCII's and it counts dearly: without boundaries and distances it finds all there is, and more.
    verbs = [_unaccented(verbs) for verbs, _ in _SET_ASIDE.values()]
    loose = "|".join([*verbs, *patterns]).replace(r"\b", "").replace(".{0,40}", ".*").replace(r"\w", r"[\pL\pN_]")
    options = re2.Options()
    options.max_mem = 64 << 20  # bytes: with its 8 MiB it would fall back to a slower way
    may_hold = re2.compile(f"(?m){loose}", options)
    return lambda text: bool(may_hold.search(text) and whole.search(text))


_called = _search(_ORDERS)
_spoken = _search((*_ORDERS, *_SHAPES))
