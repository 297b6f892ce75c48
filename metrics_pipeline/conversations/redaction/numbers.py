"""Numbers of people: cards, codes, IBANs, national ids and telephones, by their checksums and by what is said of them.

Checksums and shapes come from python-stdnum and phonenumbers, which load when a number first needs them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from string import ascii_uppercase

from metrics_pipeline.conversations.redaction.passage import Find, Passage
from metrics_pipeline.conversations.redaction.spoken import FILLERS, NUMBER_WORDS, ORDINALS, REPEATS, Run, Token

CARD_LENGTHS = range(13, 20)
EXPIRY_AND_CODE_DIGITS = 10
"""Digits that may stand beside a card in the same breath."""
_CARD_PREFIX = re.compile(r"4|5[0-8]|2[2-7]|3[0-9]|6[0-9]")
SHORTEST_PHONE = 7
LONGEST_NATIONAL = 12
"""Digits of a telephone number as it is dialled in its country; of a longer run only a part is one."""
LONGEST_ASKED_CODE = 6
"""Digits of a code that is only named in the question: people answer with more than they were asked for."""
FEWEST_NATIONAL = 5
"""Digits of a national id."""
SHORTEST_LETTERED = 9
"""Characters of a national id that holds letters."""
_SSN = re.compile(r"\d{3}([- ])\d{2}\1\d{4}")
_NINO = re.compile(r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]")
_NO_PHONE = re.compile(r"\d[/:]\d+[/:]?|\d{4}-\d{2}-\d{2}|^\d{1,3}(?:,\d{3})+$")
SHORTEST_IBAN, MAX_IBAN = 15, 34
_IBAN_SKIPS = FILLERS | {"and", "okay", "ok", "then"}
_SKIPPED = rf"[^a-z0-9]*(?:(?:{'|'.join(sorted(_IBAN_SKIPS))})[^a-z0-9]*)*"
_NUMBER = rf"(?:\d|{'|'.join(sorted({*NUMBER_WORDS, *REPEATS}))})"
IBAN_SIGN = rf"(?i)(?:^|[^a-z])[a-z]{_SKIPPED}[a-z]{_SKIPPED}{_NUMBER}"
"""How every IBAN begins, in ASCII."""
_LETTER_DIGITS = {ord(letter): str(value) for value, letter in enumerate(ascii_uppercase, 10)}
LETTERED_SIGN = rf"\d[A-Za-z]|(?i:{_NUMBER}|hundred|thousand|{'|'.join(sorted(ORDINALS))})[^A-Za-z0-9]{{1,2}}[A-Z]"
"""What stands in every national id that holds letters, in ASCII: all of them end with one."""


def cards(passage: Passage, runs: Sequence[Run]) -> Iterator[Find]:
    """Card numbers by prefix and Luhn, and codes said after them; without Luhn where a card was spoken of."""
    for run in runs:
        digits = len(run.digits)
        if digits < CARD_LENGTHS.start:
            continue
        said = passage.said_about(run.start, run.end)
        found = list(_card_windows(run))
        beside = digits - sum(len(find.value) for find in found)
        most = -1 if _is_glued(passage.text, run) else 0 if said.is_other else EXPIRY_AND_CODE_DIGITS
        if said.kind != "CARD" and beside > most:
            found = []
        if not found and said.kind == "CARD" and not said.is_other and digits in CARD_LENGTHS:
            # Speech recognition mishears digits: a number that is called a card is one.
            found = [Find("CARD", run.start, run.end, run.digits)]
        yield from found
        if found and len(run.tokens[-1].chars) in (3, 4) and run.tokens[-1].start >= found[-1].end:
            last = run.tokens[-1]
            yield Find("CODE", last.start, last.end, last.chars)


def _card_windows(run: Run) -> Iterator[Find]:
    begin = 0
    while begin < len(run.tokens):
        end = _card_end(run.tokens, begin)
        if end:
            digits = "".join(token.chars for token in run.tokens[begin:end])
            yield Find("CARD", run.tokens[begin].start, run.tokens[end - 1].end, digits)
        begin = end or begin + 1


def _card_end(tokens: Sequence[Token], begin: int) -> int:
    """The token after a card that begins there; 0 where none does."""
    digits, best = "", 0
    for place in range(begin, len(tokens)):
        digits += tokens[place].chars
        if len(digits) >= CARD_LENGTHS.stop:
            break
        if len(digits) in CARD_LENGTHS and _is_card(digits):
            best = place + 1
            if len(digits) == 16:
                break
    return best


def _is_card(digits: str) -> bool:
    from stdnum import luhn

    lengths = (15,) if digits[:2] in ("34", "37") else (14, 16) if digits[0] == "3" else (16, 13, 19)
    if digits[0] in "56":
        lengths = (16, 19)
    return (
        len(digits) in lengths and bool(_CARD_PREFIX.match(digits)) and len(set(digits)) > 1 and luhn.is_valid(digits)
    )


def codes(passage: Passage, runs: Sequence[Run]) -> Iterator[Find]:
    """Card verification codes, one-time codes and PINs: short numbers that were called one."""
    for run in runs:
        if 3 <= len(run.digits) <= 8:
            said = passage.said_about(run.start, run.end)
            is_code = said.kind == "CODE" and not (said.is_asked and len(run.digits) > LONGEST_ASKED_CODE)
            if is_code and not said.is_other and not said.is_amount:
                yield Find("CODE", run.start, run.end, run.digits)


def ibans(passage: Passage, tokens: Sequence[Token]) -> Iterator[Find]:
    """IBANs by country, length and checksum."""
    # In capitals they are part of a code.
    last = len(passage.text) - SHORTEST_IBAN
    if last < 0:
        return
    words = [token for token in tokens if token.chars not in _IBAN_SKIPS]
    for begin in range(len(words) - 1):
        if words[begin].start > last:
            break
        first, second = words[begin].chars, words[begin + 1].chars
        if len(first) > 2 or not first[0].isalpha() or second[0].isdigit() != (len(first) == 2):
            continue
        head = "".join([token.chars for token in words[begin : begin + 4]])[:4].upper()
        if head[:2].isalpha() and head[2:].isdigit():
            end, value = _iban_end(words, begin, "0")
            if not end:
                end, value = _iban_end(words, begin, "O")
            if end:
                yield Find("IBAN", words[begin].start, words[end - 1].end, value)


def _iban_end(words: Sequence[Token], begin: int, said_o: str) -> tuple[int, str]:
    from stdnum import iban

    value = ""
    for place in range(begin, len(words)):
        token = words[place]
        glued = place > begin and token.start == words[place - 1].end
        if not token.is_number and len(token.chars) > 4 and not glued:
            break
        # Spelled out, the letter and the digit sound alike.
        value += (
            said_o
            if token.is_number and token.chars == "0" and token.end - token.start == 1 and token.is_word
            else (token.chars.upper())
        )
        if len(value) > MAX_IBAN:
            break
        if len(value) < SHORTEST_IBAN or not value.isascii():
            continue
        # Its checksum by itself takes a tenth of the time, and one of 97 holds.
        if int((value[4:] + value[:4]).translate(_LETTER_DIGITS)) % 97 == 1 and iban.is_valid(
            value, check_country=False
        ):
            return place + 1, value
    return 0, ""


def national_numbers(passage: Passage, runs: Sequence[Run]) -> Iterator[Find]:
    """National ids of digits alone, by shape and checksum."""
    for run in runs:
        digits = run.digits
        if len(digits) == 15 and digits[0] in "12" and _holds("fr.nir", digits):
            yield Find("NATIONAL_ID", run.start, run.end, digits)
            continue
        has_form = len(digits) == 9 and _SSN.fullmatch(passage.text, run.start, run.end) and _holds("us.ssn", digits)
        if has_form and not passage.said_about(run.start, run.end).is_other:
            yield Find("NATIONAL_ID", run.start, run.end, digits)


def national_ids(passage: Passage, tokens: Sequence[Token]) -> Iterator[Find]:
    """National ids that hold letters, by shape and checksum, and whatever number was called one."""
    for group in _mixed(passage.text, tokens):
        found = _lettered(group)
        named = None if found else _named(group)
        if named is not None and not _NO_PHONE.search(passage.text[group[0].start : group[-1].end]):
            said = passage.said_about(named.start, named.end)
            found = named if said.kind == "NATIONAL_ID" and not said.is_other and not said.is_amount else None
        if found is not None:
            yield found


def _mixed(text: str, tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Numbers with the capital letters near them and the letters glued to them."""
    group: list[Token] = []
    end, has_number = 0, False
    for token in tokens:
        if group:
            if not token.is_number and token.chars.lower() in FILLERS:
                continue
            between = token.start - end
            if not between or (
                between <= 2 and (token.is_number or _is_initials(token)) and "," not in text[end : token.start]
            ):
                group.append(token)
                end, has_number = token.end, has_number or token.is_number
                continue
            if has_number:
                yield group
        group, end, has_number = [token], token.end, token.is_number
    if has_number:
        yield group


def _is_initials(token: Token) -> bool:
    return token.chars.isupper() and len(token.chars) <= 2


def _lettered(group: Sequence[Token]) -> Find | None:
    """The part of a group that is an id by its shape and checksum."""
    if sum([len(token.chars) for token in group]) < SHORTEST_LETTERED or all(token.is_number for token in group):
        return None
    numbers = [place for place, token in enumerate(group) if token.is_number]
    for begin in range(numbers[0] + 1):
        for end in range(len(group), numbers[-1], -1):
            value = "".join(token.chars for token in group[begin:end]).upper()
            if _is_lettered_id(value):
                return Find("NATIONAL_ID", group[begin].start, group[end - 1].end, value)
    return None


def _named(group: Sequence[Token]) -> Find | None:
    """The part of a group that is an id where one was spoken of: numbers, and the letters that belong to them."""
    begin = next(place for place, token in enumerate(group) if token.is_number)
    while begin and (group[begin - 1].end == group[begin].start or _is_initials(group[begin - 1])):
        begin -= 1
    value = "".join(token.chars for token in group[begin:]).upper()
    if 6 <= len(value) <= 20 and sum(map(str.isdigit, value)) >= FEWEST_NATIONAL:
        return Find("NATIONAL_ID", group[begin].start, group[-1].end, value)
    return None


def _is_lettered_id(value: str) -> bool:
    if len(value) == 9:
        return bool(_NINO.fullmatch(value)) or (
            value[-1].isalpha()
            and ((value[:8].isdigit() and _holds("es.dni", value)) or (value[0] in "XYZ" and _holds("es.nie", value)))
        )
    return len(value) == 16 and value[:6].isalpha() and _holds("it.codicefiscale", value)


def _holds(module: str, value: str) -> bool:
    from importlib import import_module

    return bool(import_module(f"stdnum.{module}").is_valid(value))


def phones(passage: Passage, runs: Sequence[Run], regions: tuple[str, ...]) -> Iterator[Find]:
    """Telephone numbers: those of `regions` and international ones, and whatever number was called one."""
    for run in runs:
        written = passage.text[run.start : run.end]
        digits = run.digits
        if not SHORTEST_PHONE <= len(digits) <= 17 or _NO_PHONE.search(written):
            continue
        said = passage.said_about(run.start, run.end)
        start, abroad = _start(passage.text, run)
        if said.is_amount or (said.kind not in (None, "PHONE")) or (said.is_other and said.kind != "PHONE"):
            continue
        if abroad and len(digits) <= 15:
            yield Find("PHONE", start, run.end, digits.removeprefix("00"))
        elif said.kind == "PHONE":
            end = run.end if len(digits) <= LONGEST_NATIONAL else _valid_end(run, regions) or run.end
            if end:
                kept = "".join(token.chars for token in run.tokens if token.end <= end)
                yield Find("PHONE", start, end, kept)
        elif not passage.is_data and not _is_glued(passage.text, run) and _is_phone(digits, regions):
            yield Find("PHONE", start, run.end, digits)


def _is_glued(text: str, run: Run) -> bool:
    return text[run.end : run.end + 1].isalnum() or text[max(0, run.start - 1) : run.start].isalnum()


def _start(text: str, run: Run) -> tuple[int, bool]:
    """Where the number begins with its opening marks, and whether it has its country's code."""
    before = text[max(0, run.start - 6) : run.start]
    if match := re.search(r"(?:\+|\bplus )\(?$", before, re.IGNORECASE):
        return run.start - (len(before) - match.start()), True
    opening = before.endswith("(")
    return run.start - opening, run.digits.startswith("00") and len(run.digits) >= 11


def _valid_end(run: Run, regions: tuple[str, ...]) -> int:
    """The end of the longest part from the beginning that is a telephone number of one of `regions`; 0 for none."""
    for count in range(len(run.tokens), 0, -1):
        digits = "".join(token.chars for token in run.tokens[:count])
        if len(digits) < SHORTEST_PHONE:
            break
        if _is_phone(digits, regions):
            return run.tokens[count - 1].end
    return 0


@lru_cache(maxsize=4096)
def _is_phone(digits: str, regions: tuple[str, ...]) -> bool:
    import phonenumbers

    for region in regions:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(digits, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False
