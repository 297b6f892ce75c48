"""What is personal in words: e-mail addresses, dates of birth, keys and passwords, written or said."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import re2

from metrics_pipeline.conversations.redaction.cues import names
from metrics_pipeline.conversations.redaction.passage import Find, Passage
from metrics_pipeline.conversations.redaction.plain import plain
from metrics_pipeline.conversations.redaction.spoken import NUMBER_WORDS, ORDINALS, REPEATS, Run, remembered, tokens

_AT = r"(?:\s?@\s?|\s?[\[(<]\s?at\s?[\])>]\s?)"
_DOT = r"(?:\.|\s\.\s|\s?[\[(<]\s?dot\s?[\])>]\s?)"
_WRITTEN_EMAIL = re.compile(rf"[^\s@<>()\[\],;:\"'⟦⟧]+{_AT}[\w-]+(?:\.[\w-]+|{_DOT}[a-z]{{2,}})+", re.IGNORECASE)
_TOP = "com|org|net|edu|gov|info|io|co|es|de|fr|it|uk|eu|nl|us|ca|app|dev|biz"
_NUMBER_WORD = "|".join(sorted({*NUMBER_WORDS, *REPEATS}, key=len, reverse=True))
_SAID_DOT = r"(?:\s+(?:dot|punto|point|punkt)\s+|\.)"
_SAID_AT = re.compile(rf"\s(?:at|arroba)\s+(?=[\w-]+(?:\s+(?:dash|hyphen)\s+[\w-]+)*{_SAID_DOT}[a-z])", re.IGNORECASE)
_MAIL_HOST = re.compile(r"gmail|hotmail|yahoo|outlook|icloud|proton|aol|live|gmx|web\b|mail", re.IGNORECASE)
_MAIL_CUE = re.compile(
    r"e-?mail|correo|\bmail\b|write to|send (?:it|that|the \w+)(?: \w+)? (?:to|at)\b|\bsend\b", re.IGNORECASE
)
_LOCAL_LINK = {"dot", "punto", "underscore", "dash", "hyphen", "plus", "minus"}
_NO_NAME = frozenset("me you us it is book look find see go available arrive stay saw was on to email address".split())


EMAIL_SIGN = rf"(?i)@|[\[(<]\s?at\s?[\])>]|\s(?:at|arroba)\s+[\w-]+(?:\s+(?:dash|hyphen)\s+[\w-]+)*{_SAID_DOT}[a-z]"
"""What stands in every address, in ASCII."""


def emails(passage: Passage) -> Iterator[Find]:
    """E-mail addresses, also "john dot smith at gmail dot com" and "j o h n at gmail dot com"."""
    has_sign = any(sign in passage.text for sign in "@[(<")
    for match in _WRITTEN_EMAIL.finditer(passage.text) if has_sign else ():
        start = match.start()
        yield Find("EMAIL", start, match.end(), _address(match.group()))
    for match in _SAID_AT.finditer(passage.text):
        found = _DOMAIN.match(passage.text, match.end())
        if found:
            start, linked = _local_start(passage.text, match.start())
            before = passage.text[max(0, start - 40) : start] + " "
            asked = passage.asked[0][-80:]
            known = _MAIL_HOST.search(found.group()) is not None
            if start < match.start() and (linked or known or _MAIL_CUE.search(asked + " " + before)):
                yield Find("EMAIL", start, found.end(), _address(passage.text[start : found.end()]))


_DOMAIN = re.compile(
    rf"[\w-]+(?:\s+(?:dash|hyphen)\s+[\w-]+)*(?:{_SAID_DOT}[\w-]+)*?{_SAID_DOT}(?:{_TOP})\b(?:{_SAID_DOT}(?:uk|es|au|br)\b)?",
    re.IGNORECASE,
)


def _local_start(text: str, end: int) -> tuple[int, bool]:
    """Where the name before "at" begins, walking back over spelled letters, digits and "dot"; whether it was linked."""
    words = [
        (match.group(), match.start()) for match in re.finditer(r"[^\s,;:!?\"'()]+", text[max(0, end - 120) : end])
    ]
    offset = max(0, end - 120)
    start, linked, take_word = end, False, True
    for place in range(len(words) - 1, -1, -1):
        word, begin = words[place]
        low = word.lower().rstrip(".")
        is_piece = len(low) == 1 or low in NUMBER_WORDS or low in REPEATS or low.isdigit()
        if low in _LOCAL_LINK:
            take_word, linked = True, True
        elif is_piece:
            if low in ("a", "i") and start == end and (not place or len(words[place - 1][0]) > 1):
                break
            linked = linked or start < end
            take_word = take_word and len(low) > 1 and low not in NUMBER_WORDS
            take_word = True if start == end or low in NUMBER_WORDS or low.isdigit() else take_word
        elif take_word and (low not in _NO_NAME or linked):
            if low in _NO_NAME:
                break
            linked = linked or any(mark in low for mark in "._+") or any(character.isdigit() for character in low)
            take_word = False
        else:
            break
        start = offset + begin
    return start, linked


def _address(written: str) -> str:
    said = {
        "at": "@",
        "arroba": "@",
        "dot": ".",
        "punto": ".",
        "underscore": "_",
        "dash": "-",
        "hyphen": "-",
        "plus": "+",
    }
    parts = re.split(r"[\s\[\]()<>]+", written.lower())
    return "".join(said.get(part) or NUMBER_WORDS.get(part) or part for part in parts)


_MONTHS = (
    "january jan enero januar janvier|february feb febrero februar février|march mar marzo märz mars|april apr abril avril|"
    "may mayo mai|june jun junio juni juin|july jul julio juli juillet|august aug agosto août|"
    "september sep sept septiembre septembre|october oct octubre oktober octobre|november nov noviembre novembre|"
    "december dec diciembre dezember décembre"
)
MONTHS = {name: place for place, group in enumerate(_MONTHS.split("|"), 1) for name in group.split()}
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_ORDINAL = "|".join(sorted(ORDINALS, key=len, reverse=True))
_DAY = rf"(?:\d{{1,2}}(?:st|nd|rd|th|º|\.)?|(?:(?:twenty|thirty)[\s-]+)?(?:{_ORDINAL})|(?:{_NUMBER_WORD})(?:[\s-]+(?:{_NUMBER_WORD}))?)"
_YEAR = (
    rf"(?:\d{{4}}|'\d\d|nineteen[\s-]+(?:hundred(?:[\s-]+and)?[\s-]+)?(?:{_NUMBER_WORD})(?:[\s-]+(?:{_NUMBER_WORD}))?|"
    rf"two thousand(?:\s+and)?(?:\s+(?:{_NUMBER_WORD}))?|twenty[\s-]+(?:{_NUMBER_WORD})(?:[\s-]+(?:{_NUMBER_WORD}))?|\d\d)\b"
)
_OF = r"[\s,]+(?:(?:of|de|del|the)\s+)?"
_DATES = re.compile(
    rf"\b(?:(?P<d1>{_DAY}){_OF}(?P<m1>{_MONTH})\b\.?{_OF}(?P<y1>{_YEAR})|"
    rf"(?P<m2>{_MONTH})\b\.?{_OF}(?P<d2>{_DAY}){_OF}(?P<y2>{_YEAR})|"
    r"(?P<numeric>\d{4}([-/.\s])\d{1,2}\8\d{1,2}|\d{1,2}(\s?[-/.\s]\s?)\d{1,2}\9\d{2,4}))(?!\d)",
    re.IGNORECASE,
)


_NUMERIC_DATE = r"\d{1,4}\s?[-/.\s]\s?\d{1,2}\s?[-/.\s]\s?\d{1,4}"
DATE = re2.compile(
    rf"(?i){_DAY}{_OF}(?:{_MONTH})\.?{_OF}{_YEAR}|(?:{_MONTH})\.?{_OF}{_DAY}{_OF}{_YEAR}|{_NUMERIC_DATE}"
)
"""Where every date begins, in ASCII."""
DATE_SIGN = rf"(?i)\b(?:{_MONTH})\b|{_NUMERIC_DATE}"
"""What stands in every date, in ASCII."""


def birth_dates(passage: Passage, runs: Sequence[Run], may_hold_date: bool = True) -> Iterator[Find]:
    """Dates of which a birth was spoken. A date of the year of the conversation or later is none."""
    if names("\n".join([*passage.asked, passage.text]), "BIRTH_DATE") is None:
        return
    written = dates(passage.text) if may_hold_date else ()
    for start, end, value in written:
        if _is_birth(passage, start, end) and _is_past(value, passage.year):
            yield Find("BIRTH_DATE", start, end, value)
    for run in runs:
        if any(start <= run.start < end for start, end, _ in written):
            continue
        if len(run.digits) in (6, 8) and _is_birth(passage, run.start, run.end):
            yield Find("BIRTH_DATE", run.start, run.end, run.digits)


@remembered
def dates(text: str) -> Sequence[tuple[int, int, str]]:
    """Each date with a year: where it begins and ends, and what it is however it is written."""
    content = plain(text)
    begins = DATE.search(content) if content is not None else None
    if content is not None and begins is None:
        return ()
    start = begins.start() if begins else 0
    return [(match.start(), match.end(), _date_value(match)) for match in _DATES.finditer(text, start)]


def _is_birth(passage: Passage, start: int, end: int) -> bool:
    said = passage.said_about(start, end)
    return said.kind == "BIRTH_DATE" and not said.is_other


def _is_past(value: str, year: int | None) -> bool:
    written = re.match(r"\d{4}", value)
    return year is None or written is None or int(written.group()) < year


def _date_value(match: re.Match[str]) -> str:
    """year-month-day where each is known; what was written otherwise."""
    if numeric := match["numeric"]:
        parts = re.findall(r"\d+", numeric)
        return "-".join(part.lstrip("0") for part in (parts if len(parts[0]) == 4 else reversed(parts)))
    year = "".join(token.chars for token in tokens(match["y1"] or match["y2"]) if token.is_number)
    if len(year) == 5:  # two thousand three
        year = year[:3] + year[4]
    day = next((token.chars for token in tokens(match["d1"] or match["d2"]) if token.is_number), None)
    written = (match["d1"] or match["d2"]).lower()
    return f"{year}-{MONTHS[(match['m1'] or match['m2']).lower()]}-{day or ORDINALS.get(written, written)}"


KEY_SIGN = r"(?i)[spr]k[-_]|akia|asia|gh[pousr]_|github_pat|glpat|xox|aiza|ya29|hf_|eyj|sg\.|bearer|private key|key|token|secret"
"""What stands in every key, in ASCII."""
SHORTEST_KEY = 12
"""Characters; that of a certificate may stand apart from its name."""
_KEYS = re.compile(
    r"\b(?:sk|pk|rk)[-_](?:(?:live|test|proj|ant)[-_])?[\w-]{16,}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_\w{20,}|"
    r"\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bxox[abeprs]-[\w-]{10,}|\bAIza[\w-]{30,}|\bya29\.[\w-]{20,}|\bhf_\w{20,}|"
    r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?|\bSG\.[\w-]{16,}\.[\w-]{16,}|(?<=Bearer )[\w.~+/-]{16,}=*|"
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----)?"
)
_NAMED_KEY = re.compile(
    r"\b(?:api|access|secret|auth|private|client)?[ _-]?(?:key|token|secret)\b(?:\s+(?:is|es|ist|was))?\s*[:=]?\s*[\"']?"
    r"(?P<value>(?=[\w./+-]*\d)(?=[\w./+-]*[a-z])[\w./+-]{16,}=*)",
    re.IGNORECASE,
)


def keys(passage: Passage) -> Iterator[Find]:
    """Keys of interfaces by the forms of their makers, and what was called one."""
    if max(map(len, passage.text.split()), default=0) < SHORTEST_KEY and "PRIVATE KEY" not in passage.text:
        return
    for match in _KEYS.finditer(passage.text):
        yield Find("API_KEY", match.start(), match.end(), match.group())
    for match in _NAMED_KEY.finditer(passage.text):
        yield Find("API_KEY", match.start("value"), match.end("value"), match["value"])


_PASSWORD_NAME = r"(?:pass ?word|passwd|\bpwd|pass ?phrase|contraseña|mot de passe|kennwort|passwort)"
_PARTS_OF_PASSWORD = ("pass", "pwd", "contrase", "kennwort")
PASSWORD_SIGN = f"(?i){_PASSWORD_NAME}".replace(r"\b", "")
_PASSWORD_NAMED = re.compile(_PASSWORD_NAME, re.IGNORECASE)
_PASSWORD = re.compile(
    rf"{_PASSWORD_NAME}\b(?:\s+(?:for|of|on|to)\s+\w+(?: \w+)?)?(?P<named>\s*[:=]\s*|\s+(?:is|was|es|ist|est)\s*:?\s+)"
    r"[\"'“]?(?P<value>[^\s,;\"'”]+)",
    re.IGNORECASE,
)
_ASKS_PASSWORD = re.compile(
    rf"(?:what|tell|give|say|confirm|enter|which|spell|have)\b[^.?!]*{_PASSWORD_NAME}[^.!]*[?.]?\s*$|"
    rf"(?:^|[.!?]\s+)(?:and\s+)?(?:your|the)\s+{_PASSWORD_NAME}\W*$",
    re.IGNORECASE,
)
_SPELLED = re.compile(
    rf"[a-z0-9](?:[\s,-]+(?:[a-z0-9]|{_NUMBER_WORD}|capital|dash|dot|underscore)\b){{3,}}", re.IGNORECASE
)
_NO_PASSWORD = frozenset(
    "not wrong incorrect expired required too case the a an in on being invalid correct right changed reset set still now "
    "never so very already missing needed at always my your our their it that this what no been of for about only printed "
    "written shown valid fine ok okay to from weak strong short long stored sent mal incorrecta falsch nicht".split()
)


def passwords(passage: Passage) -> Iterator[Find]:
    """Passwords: the word after "password is", or the answer to a question for one."""
    said = "\n".join([*passage.asked, passage.text]).casefold()
    if not any(part in said for part in _PARTS_OF_PASSWORD) or not _PASSWORD_NAMED.search(said):
        return
    for match in _PASSWORD.finditer(passage.text):
        start = match.start("value")
        if spelled := _SPELLED.match(passage.text, start):
            yield Find("PASSWORD", start, spelled.end(), spelled.group())
        elif match["value"].lower().strip(".!?") not in _NO_PASSWORD:
            value = match["value"].rstrip(".?") or match["value"]
            yield Find("PASSWORD", start, start + len(value), value)
    for place, asked in enumerate(passage.asked):
        if _ASKS_PASSWORD.search(asked):
            begin = passage.starts[place]
            end = passage.starts[place + 1] - 1 if place + 1 < len(passage.starts) else len(passage.text)
            yield from _answered(passage.text, begin, end)


def _answered(text: str, begin: int, end: int) -> Iterator[Find]:
    if (spelled := _SPELLED.search(text, begin, end)) is not None:
        yield Find("PASSWORD", spelled.start(), spelled.end(), spelled.group())
        return
    for match in re.finditer(r"[^\s,;\"'“”]+", text[begin:end]):
        word = match.group().rstrip(".?!,")
        if (
            len(word) >= 5
            and any(not character.isalpha() for character in word)
            and "⟦" not in word
            and not word.endswith("-")
        ):
            mixed = any(character.isalpha() for character in word) and not re.fullmatch(r"[\w]+['’]\w+", word)
            if mixed:
                yield Find("PASSWORD", begin + match.start(), begin + match.start() + len(word), word)
