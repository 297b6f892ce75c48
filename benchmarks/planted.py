"""Personal data as people write and say it, and what only looks like it: made from real-world formats.

Knows nothing of the patterns that are measured with it: checksums are computed here anew, and wording, grouping and
spelling follow how exports and transcripts of calls look. Everything is made up, and the same seed gives the same set.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import NamedTuple

ONES = "zero one two three four five six seven eight nine".split()
TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
SPANISH = "cero uno dos tres cuatro cinco seis siete ocho nueve".split()
MONTHS = "January February March April May June July August September October November December".split()
MONTHS_ES = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split()
ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth twenty-first twenty-second twenty-third twenty-fourth "
    "twenty-fifth twenty-sixth twenty-seventh twenty-eighth twenty-ninth thirtieth thirty-first"
).split()
FIRST = "maria john ana peter lucy tomas helen omar greta paul ines victor".split()
LAST = "garcia smith lopez brown meyer dupont rossi novak jones silva weber costa".split()
DOMAINS = "gmail.com hotmail.com yahoo.co.uk example.org outlook.com acme-travel.com web.de mail.example.net".split()

Turns = list[tuple[str, str]]


class Piece(NamedTuple):
    """Where a part of an item stands."""

    turn_index: int
    before: str
    item: str
    after: str


class Planted(NamedTuple):
    """A conversation with one item."""

    kind: str
    form: str
    turns: Turns
    pieces: tuple[Piece, ...]


class NearMiss(NamedTuple):
    """A conversation with something that only looks like personal data."""

    kind: str
    turns: Turns


def planted(seed: int = 11, per_kind: int = 72) -> list[Planted]:
    """`per_kind` items of each kind."""
    made: list[Planted] = []
    for kind, maker in MAKERS.items():
        # A generator of its own for each kind: a change in one leaves the others as they were.
        rng = random.Random(f"{seed} {kind}")
        made += [maker(rng) for _ in range(per_kind)]
    return made


def near_misses(seed: int = 12, per_kind: int = 40) -> list[NearMiss]:
    """`per_kind` conversations for each thing that looks like personal data."""
    made: list[NearMiss] = []
    for kind, maker in LOOKALIKES.items():
        rng = random.Random(f"{seed} {kind}")
        made += [NearMiss(kind, _around(rng, [maker(rng)])) for _ in range(per_kind)]
    return made


# ---- how it is carried -------------------------------------------------------------------------------------------


def _around(rng: random.Random, said: list[tuple[str, str]]) -> Turns:
    opening = rng.choice(["Hello, how can I help you?", "Good evening, Harbour Hotel.", "Hi there, what can I do?"])
    reason = rng.choice(["I want to change my booking.", "Hi, it's about my stay.", "Can you help me with an order?"])
    closing = rng.choice(["Thank you, one moment.", "Got it, thanks.", "Perfect, is there anything else?"])
    return [("agent", opening), ("user", reason), *said, ("agent", closing)]


def _in_sentence(rng: random.Random, kind: str, form: str, item: str, sentences: list[str]) -> Planted:
    before, after = rng.choice(sentences).split("{}")
    return Planted(kind, form, _around(rng, [("user", before + item + after)]), (Piece(2, before, item, after),))


def _as_answer(rng: random.Random, kind: str, form: str, item: str, questions: list[str]) -> Planted:
    before, after = rng.choice(["{}", "It's {}.", "Sure, {}", "Yes, that is {}", "{}, please.", "um {}"]).split("{}")
    turns = _around(rng, [("agent", rng.choice(questions)), ("user", before + item + after)])
    return Planted(kind, form, turns, (Piece(3, before, item, after),))


def _over_turns(rng: random.Random, kind: str, form: str, parts: list[str], question: str) -> Planted:
    said: Turns = [("agent", question)]
    pieces = []
    for number, part in enumerate(parts):
        before = rng.choice(["", "it's ", "okay, "]) if number == 0 else rng.choice(["", "then ", "and "])
        pieces.append(Piece(2 + len(said), before, part, ""))
        said += [("user", before + part), ("agent", rng.choice(["Mm-hm.", "Go on.", "Yes?", "Okay, and then?"]))]
    return Planted(kind, form, _around(rng, said), tuple(pieces))


def _digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choice(string.digits) for _ in range(count))


def _grouped(text: str, sizes: list[int], between: str) -> str:
    groups, position = [], 0
    for size in sizes:
        groups.append(text[position : position + size])
        position += size
    return between.join(group for group in groups if group)


def _spoken(rng: random.Random, digits: str, words: list[str] = ONES) -> str:
    said = [words[int(digit)] for digit in digits]
    if words is ONES and rng.random() < 0.4:
        said = ["oh" if word == "zero" else word for word in said]
    return " ".join(said)


def _doubled(digits: str) -> str:
    said, position = [], 0
    while position < len(digits):
        run = 1
        while run < 3 and digits[position : position + run + 1] == digits[position] * (run + 1):
            run += 1
        said.append({1: "", 2: "double ", 3: "triple "}[run] + ONES[int(digits[position])])
        position += run
    return " ".join(said)


def _in_pairs(digits: str) -> str:
    said = []
    for position in range(0, len(digits), 2):
        pair = digits[position : position + 2]
        number = int(pair)
        if len(pair) == 1 or pair[0] == "0":
            said += [ONES[int(digit)] for digit in pair]
        elif number < 20:
            said.append(TEENS[number - 10])
        else:
            said.append(TENS[number // 10] + ("-" + ONES[number % 10] if number % 10 else ""))
    return " ".join(said)


# ---- items -------------------------------------------------------------------------------------------------------


def _luhn(body: str) -> str:
    total = 0
    for place, digit in enumerate(reversed(body)):
        number = int(digit) * (2 if place % 2 == 0 else 1)
        total += number - 9 if number > 9 else number
    return body + str(-total % 10)


def card_number(rng: random.Random) -> str:
    prefix, length = rng.choice(
        [("4", 16), ("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("37", 15), ("34", 15), ("6011", 16), ("36", 14)]
    )
    return _luhn(prefix + _digits(rng, length - len(prefix) - 1))


CARD_SENTENCES = [
    "My card is {}.",
    "You can charge {} for the deposit.",
    "please use {} expiry 04/29",
    "The number on the front is {}, Visa I think.",
    "ok so {} is the card",
    "Mi tarjeta es {}",
]
CARD_QUESTIONS = [
    "What is the long number on the front of the card?",
    "Could I have your card number, please?",
    "Which card shall I charge?",
]


def _card(rng: random.Random) -> Planted:
    number = card_number(rng)
    sizes = [4, 6, 5] if len(number) == 15 else [4, 6, 4] if len(number) == 14 else [4, 4, 4, 4]
    form = rng.choice(
        "plain spaced dashed digit_by_digit spoken doubled pairs spanish turns spoken_turns fillers".split()
    )
    if form in ("turns", "spoken_turns"):
        groups = _grouped(number, sizes, " ").split()
        half = rng.choice([[groups[:2], groups[2:]], [[group] for group in groups]])
        say: Callable[[list[str]], str] = (
            (lambda part: " ".join(part)) if form == "turns" else (lambda part: _spoken(rng, "".join(part)))
        )
        return _over_turns(rng, "CARD", form, [say(part) for part in half], rng.choice(CARD_QUESTIONS))
    item = {
        "plain": lambda: number,
        "spaced": lambda: _grouped(number, sizes, " "),
        "dashed": lambda: _grouped(number, sizes, "-"),
        "digit_by_digit": lambda: " ".join(number),
        "spoken": lambda: _spoken(rng, number),
        "doubled": lambda: _doubled(number),
        "pairs": lambda: _in_pairs(number),
        "spanish": lambda: _spoken(rng, number, SPANISH),
        "fillers": lambda: ", uh, ".join(_spoken(rng, part) for part in _grouped(number, sizes, " ").split()),
    }[form]()
    carry = rng.choice([_in_sentence, _as_answer])
    return carry(rng, "CARD", form, item, CARD_SENTENCES if carry is _in_sentence else CARD_QUESTIONS)


def _code(rng: random.Random) -> Planted:
    form = rng.choice("cvv spoken_cvv one_time pin asked".split())
    if form == "asked":
        digits = _digits(rng, rng.choice([3, 4]))
        item = rng.choice([digits, _spoken(rng, digits)])
        return _as_answer(rng, "CODE", form, item, ["And the three digits on the back?", "What is the security code?"])
    if form == "one_time":
        item = _digits(rng, 6)
        return _in_sentence(
            rng,
            "CODE",
            form,
            item,
            [
                "The verification code I got is {}.",
                "my one-time code is {}",
                "it texted me the code {}, that's the OTP",
            ][:2],
        )
    if form == "pin":
        digits = _digits(rng, 4)
        item = rng.choice([digits, _spoken(rng, digits)])
        return _in_sentence(rng, "CODE", form, item, ["My PIN is {}.", "the pin number is {}", "PIN: {}"])
    digits = _digits(rng, rng.choice([3, 3, 4]))
    item = digits if form == "cvv" else _spoken(rng, digits)
    return _in_sentence(
        rng,
        "CODE",
        form,
        item,
        ["CVV {}", "and the security code is {}.", "the CVC on the back is {}", "cvv: {}, thanks"],
    )


IBAN_SHAPES = {
    "GB": "aaaa" + "n" * 14,
    "DE": "n" * 18,
    "ES": "n" * 20,
    "FR": "n" * 10 + "c" * 11 + "n" * 2,
    "NL": "aaaa" + "n" * 10,
    "IT": "a" + "n" * 10 + "c" * 12,
    "AT": "n" * 16,
    "IE": "aaaa" + "n" * 14,
}


def iban(rng: random.Random) -> str:
    country = rng.choice(sorted(IBAN_SHAPES))
    pick = {"a": string.ascii_uppercase, "n": string.digits, "c": string.digits + string.ascii_uppercase}
    body = "".join(rng.choice(pick[kind]) for kind in IBAN_SHAPES[country])
    as_number = "".join(str(int(character, 36)) for character in body + country + "00")
    return f"{country}{98 - int(as_number) % 97:02d}{body}"


def _iban(rng: random.Random) -> Planted:
    value = iban(rng)
    form = rng.choice("plain grouped lower spelled turns".split())
    if form == "turns":
        groups = _grouped(value, [4] * 9, " ").split()
        half = len(groups) // 2
        return _over_turns(
            rng, "IBAN", form, [" ".join(groups[:half]), " ".join(groups[half:])], "What is the IBAN for the refund?"
        )
    item = {
        "plain": lambda: value,
        "grouped": lambda: _grouped(value, [4] * 9, " "),
        "lower": lambda: _grouped(value.lower(), [4] * 9, " "),
        "spelled": lambda: " ".join(ONES[int(c)] if c.isdigit() else c for c in value),
    }[form]()
    sentences = ["My IBAN is {}.", "Please send the refund to {}", "transfer it to {} at my bank", "IBAN: {}"]
    return _in_sentence(rng, "IBAN", form, item, sentences)


def _email(rng: random.Random) -> Planted:
    first, last, domain = rng.choice(FIRST), rng.choice(LAST), rng.choice(DOMAINS)
    local = rng.choice(
        [f"{first}.{last}", f"{first}_{last}", f"{first}{rng.randrange(100)}", f"{first[0]}{last}", f"{first}+trips"]
    )
    form = rng.choice("plain capital angle spoken spelled spaced bracketed half_spoken".split())
    words = {".": "dot", "_": "underscore", "-": "dash", "+": "plus"}

    def aloud(text: str) -> str:
        out = "".join(f" {words[c]} " if c in words else c for c in text)
        return " ".join(_spoken(rng, part) if part.isdigit() else part for part in _split_digits(out).split())

    spelled_name = " ".join(local.replace(".", "").replace("_", "").replace("+", ""))
    item = {
        "plain": lambda: f"{local}@{domain}",
        "capital": lambda: f"{local.title()}@{domain}",
        "angle": lambda: f"<{local}@{domain}>",
        "spoken": lambda: f"{aloud(local)} at {aloud(domain)}",
        "spelled": lambda: (
            f"{' '.join(ONES[int(c)] if c.isdigit() else c for c in spelled_name.split())} at {aloud(domain)}"
        ),
        "spaced": lambda: f"{local} @ {domain}",
        "bracketed": lambda: f"{local} [at] {domain.replace('.', ' [dot] ')}",
        "half_spoken": lambda: f"{local} at {domain}",
    }[form]()
    if rng.random() < 0.5:
        return _as_answer(
            rng, "EMAIL", form, item, ["What is your e-mail address?", "Where shall I send the confirmation?"]
        )
    return _in_sentence(
        rng, "EMAIL", form, item, ["My email is {}.", "Please write to {}", "you can send it to {} thanks"]
    )


def _split_digits(text: str) -> str:
    out = ""
    for c in text:
        out += f" {c} " if c.isdigit() else c
    return out


def phone(rng: random.Random) -> tuple[str, str, str]:
    """(country, digits as dialled there, with its international form)."""
    country = rng.choice("US US US GB GB DE ES FR".split())
    if country == "US":
        area = rng.choice("212 415 305 617 773 206 702 512".split())
        local = f"{area}{rng.choice('23456789')}{rng.choice('0346789')}{rng.choice('0256789')}{_digits(rng, 4)}"
        return country, local, f"+1 {local[:3]} {local[3:6]} {local[6:]}"
    if country == "GB":
        local = rng.choice(["07700", "07911", "07400"]) + _digits(rng, 6)
        return country, local, f"+44 {local[1:5]} {local[5:]}"
    if country == "DE":
        local = rng.choice(["0151", "0170", "0160"]) + _digits(rng, 8 if rng.random() < 0.5 else 7)
        return country, local, f"+49 {local[1:4]} {local[4:]}"
    if country == "ES":
        local = rng.choice("67") + rng.choice("123456") + _digits(rng, 7)
        local = local.replace("7", "6", 1) if local[0] == "7" else local
        return country, local, f"+34 {local[:3]} {local[3:6]} {local[6:]}"
    local = "06" + _digits(rng, 8)
    return country, local, f"+33 {local[1]} {local[2:4]} {local[4:6]} {local[6:8]} {local[8:]}"


PHONE_SENTENCES = [
    "My number is {}.",
    "You can reach me on {} after six.",
    "call me back at {} please",
    "My mobile is {}, any time.",
    "The phone on the booking is {}",
]
PHONE_QUESTIONS = ["What is the best number to call you back?", "Can I have your phone number?", "And a mobile number?"]


def _phone(rng: random.Random) -> Planted:
    country, local, abroad = phone(rng)
    groups = {
        "US": [3, 3, 4],
        "GB": [5, 6],
        "DE": [4, 10],
        "ES": [3, 3, 3],
        "FR": [2, 2, 2, 2, 2],
    }[country]
    form = rng.choice("plain spaced dashed dotted abroad abroad_plain spoken spoken_turns bare_mention".split())
    if form == "spoken_turns":
        half = sum(groups[: len(groups) // 2]) or groups[0]
        parts = [_spoken(rng, local[:half]), _spoken(rng, local[half:])]
        return _over_turns(rng, "PHONE", form, parts, rng.choice(PHONE_QUESTIONS))
    if form == "bare_mention":
        # Without a word that says what it is; of the two countries that are looked for by default.
        if country == "US":
            item = f"({local[:3]}) {local[3:6]}-{local[6:]}"
        elif country == "GB":
            item = _grouped(local, groups, " ")
        else:
            item = abroad
        return _in_sentence(rng, "PHONE", form, item, ["Ask for Ana, {}, she knows.", "it was {} I think"])
    item = {
        "plain": lambda: local,
        "spaced": lambda: _grouped(local, groups, " "),
        "dashed": lambda: _grouped(local, groups, "-"),
        "dotted": lambda: _grouped(local, groups, "."),
        "abroad": lambda: abroad,
        "abroad_plain": lambda: abroad.replace(" ", ""),
        "spoken": lambda: _spoken(rng, local),
    }[form]()
    carry = rng.choice([_in_sentence, _as_answer])
    return carry(rng, "PHONE", form, item, PHONE_SENTENCES if carry is _in_sentence else PHONE_QUESTIONS)


def _national_id(rng: random.Random) -> Planted:
    form = rng.choice("ssn ssn_plain ssn_spoken nino nino_spaced dni nie passport idnr nir asked_ssn".split())
    ssn = f"{rng.randrange(101, 665)}-{rng.randrange(10, 99)}-{rng.randrange(1000, 9999)}"
    letters = "TRWAGMYFPDXBNJZSQVHLCKE"
    if form.startswith("ssn"):
        item = {"ssn": ssn, "ssn_plain": ssn.replace("-", ""), "ssn_spoken": _spoken(rng, ssn.replace("-", ""))}[form]
        return _in_sentence(
            rng, "NATIONAL_ID", form, item, ["My social security number is {}.", "my social is {}", "SSN {}"]
        )
    if form == "asked_ssn":
        item = rng.choice([ssn, ssn.replace("-", " "), ssn.replace("-", "")])
        return _as_answer(rng, "NATIONAL_ID", form, item, ["What is your social security number?"])
    if form.startswith("nino"):
        value = rng.choice(["AB", "CE", "JN", "PW", "SR"]) + _digits(rng, 6) + rng.choice("ABCD")
        item = value if form == "nino" else _grouped(value, [2, 2, 2, 2, 1], " ")
        return _in_sentence(
            rng, "NATIONAL_ID", form, item, ["My national insurance number is {}.", "NI number {}", "it is {}"]
        )
    if form in ("dni", "nie"):
        body = rng.randrange(10_000_000, 99_999_999)
        if form == "dni":
            item = f"{body}{rng.choice(['', '-', ' '])}{letters[body % 23]}"
        else:
            seven = body % 10_000_000
            lead = rng.randrange(3)
            item = f"{'XYZ'[lead]}{seven:07d}{letters[(lead * 10_000_000 + seven) % 23]}"
        return _in_sentence(rng, "NATIONAL_ID", form, item, ["Mi DNI es {}.", "my Spanish id is {}", "documento {}"])
    if form == "passport":
        item = rng.choice("CFGHJK") + _digits(rng, 8)
        return _in_sentence(
            rng, "NATIONAL_ID", form, item, ["My passport number is {}.", "passport {}", "Pasaporte: {}"]
        )
    if form == "idnr":
        return _in_sentence(
            rng, "NATIONAL_ID", form, _tax_number(rng), ["Meine Steuer-ID ist {}.", "my German tax ID is {}"]
        )
    body = f"{rng.choice('12')}{rng.randrange(40, 99)}{rng.randrange(1, 13):02d}{rng.randrange(1, 96):02d}{rng.randrange(1, 900):03d}{rng.randrange(1, 900):03d}"
    key = 97 - int(body) % 97
    item = rng.choice([f"{body}{key:02d}", f"{_grouped(body, [1, 2, 2, 2, 3, 3], ' ')} {key:02d}"])
    return _in_sentence(
        rng, "NATIONAL_ID", form, item, ["Mon numéro de sécurité sociale est {}.", "my French number is {}"]
    )


def _tax_number(rng: random.Random) -> str:
    """A German IdNr: ten digits of which one occurs twice, then the check digit of ISO 7064 mod 11, 10."""
    chosen = rng.sample(string.digits, 9)
    body = [*chosen, rng.choice(chosen)]
    rng.shuffle(body)
    if body[0] == "0":
        swap = next(place for place, digit in enumerate(body) if digit != "0")
        body[0], body[swap] = body[swap], body[0]
    product = 10
    for digit in body:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return "".join(body) + str((11 - product) % 10)


def _year_aloud(year: int) -> str:
    return f"nineteen {_in_pairs(f'{year % 100:02d}')}" if year < 2000 else f"two thousand {ONES[year % 10]}"


def _birth_date(rng: random.Random) -> Planted:
    born = date(1938, 1, 1) + timedelta(days=rng.randrange(365 * 66))
    month = MONTHS[born.month - 1]
    suffix = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}.get(born.day, "th")
    form = rng.choice(
        "slashes iso dots words american ordinal spoken spoken_american digits spanish asked asked_spoken".split()
    )
    item = {
        "slashes": lambda: f"{born.day:02d}/{born.month:02d}/{born.year}",
        "iso": lambda: born.isoformat(),
        "dots": lambda: (
            f"{born.day}.{born.month}.{born.year % 100:02d}"
            if born.year < 2000
            else f"{born.day}.{born.month}.{born.year}"
        ),
        "words": lambda: f"{born.day} {month} {born.year}",
        "american": lambda: f"{month} {born.day}, {born.year}",
        "ordinal": lambda: f"the {born.day}{suffix} of {month} {born.year}".removeprefix("the "),
        "spoken": lambda: f"{ORDINALS[born.day - 1]} of {month.lower()} {_year_aloud(born.year)}",
        "spoken_american": lambda: f"{month.lower()} {ORDINALS[born.day - 1]} {_year_aloud(born.year)}",
        "digits": lambda: _spoken(rng, f"{born.day:02d}{born.month:02d}{born.year}"),
        "spanish": lambda: f"{born.day} de {MONTHS_ES[born.month - 1]} de {born.year}",
        "asked": lambda: f"{born.day:02d}/{born.month:02d}/{born.year}",
        "asked_spoken": lambda: f"{ORDINALS[born.day - 1]} of {month.lower()} {_year_aloud(born.year)}",
    }[form]()
    if form.startswith("asked"):
        return _as_answer(
            rng,
            "BIRTH_DATE",
            form,
            item,
            ["And your date of birth?", "When were you born?", "Can you confirm your birthday?"],
        )
    if form == "spanish":
        return _in_sentence(rng, "BIRTH_DATE", form, item, ["Nací el {}.", "mi fecha de nacimiento es el {}"])
    return _in_sentence(
        rng,
        "BIRTH_DATE",
        form,
        item,
        ["My date of birth is {}.", "I was born on {}", "DOB {}", "my birthday is {}, by the way"],
    )


def _key(rng: random.Random) -> Planted:
    both = string.ascii_letters + string.digits

    def some(count: int, alphabet: str = both) -> str:
        return "".join(rng.choice(alphabet) for _ in range(count))

    form, item = rng.choice(
        [
            ("openai", f"sk-proj-{some(48)}"),
            ("stripe", f"sk_live_{some(24)}"),
            ("aws", f"AKIA{some(16, string.ascii_uppercase + '234567')}"),
            ("github", f"ghp_{some(36)}"),
            ("slack", f"xoxb-{_digits(rng, 12)}-{some(24)}"),
            ("google", f"AIza{some(35)}"),
            ("jwt", f"eyJ{some(20)}.eyJ{some(40)}.{some(43)}"),
            ("hex", some(32, "0123456789abcdef")),
        ]
    )
    return _in_sentence(
        rng, "API_KEY", form, item, ["My API key is {}", "it fails with api_key={}", "the token is {} and it says 401"]
    )


def _password(rng: random.Random) -> Planted:
    form = rng.choice("mixed word_digits symbols colon asked spelled".split())
    word = rng.choice("sunshine Harbour tiger monkey Blue summer dragon".split())
    if form == "spelled":
        item = " ".join([*word.lower(), *(ONES[int(digit)] for digit in _digits(rng, 2))])
        return _in_sentence(rng, "PASSWORD", form, item, ["My password is {}", "the password is {}."])
    item = {
        "mixed": f"{word.title()}{rng.randrange(10, 9999)}",
        "word_digits": f"{word.lower()}{rng.randrange(10, 99)}",
        "symbols": f"{word.title()}!{rng.randrange(10, 999)}#",
        "colon": f"{word.lower()}-{rng.choice(FIRST)}",
        "asked": f"{word.title()}{rng.randrange(10, 99)}",
    }[form]
    if form == "asked":
        return _as_answer(
            rng, "PASSWORD", form, item, ["What is your password?", "Please tell me the password of the account."]
        )
    if form == "colon":
        return _in_sentence(rng, "PASSWORD", form, item, ["password: {}", "user ana password={}"])
    return _in_sentence(
        rng, "PASSWORD", form, item, ["My password is {}", "the password is {}, I think", "mi contraseña es {}"]
    )


MAKERS: dict[str, Callable[[random.Random], Planted]] = {
    "CARD": _card,
    "CODE": _code,
    "IBAN": _iban,
    "EMAIL": _email,
    "PHONE": _phone,
    "NATIONAL_ID": _national_id,
    "BIRTH_DATE": _birth_date,
    "API_KEY": _key,
    "PASSWORD": _password,
}


# ---- what only looks like it -------------------------------------------------------------------------------------


def _from(*sentences: str, value: Callable[[random.Random], str]) -> Callable[[random.Random], tuple[str, str]]:
    def make(rng: random.Random) -> tuple[str, str]:
        return rng.choice(["user", "agent"]), rng.choice(sentences).replace("{}", value(rng))

    return make


def _not_luhn(rng: random.Random, length: int) -> str:
    while True:
        digits = rng.choice("123456789") + _digits(rng, length - 1)
        if _luhn(digits[:-1]) != digits:
            return digits


def _order(rng: random.Random) -> str:
    return rng.choice([_not_luhn(rng, rng.randrange(6, 17)), f"{_digits(rng, 3)}-{_digits(rng, 7)}-{_digits(rng, 7)}"])


def _clock(rng: random.Random) -> str:
    hour, minute = rng.randrange(24), rng.choice([0, 15, 30, 45])
    return rng.choice(
        [f"{hour}:{minute:02d}", f"{hour % 12 + 1} pm", f"{ONES[hour % 9 + 1]} thirty", f"{hour:02d}{minute:02d} hours"]
    )


def _stay(rng: random.Random) -> str:
    day = date(2026, 1, 1) + timedelta(days=rng.randrange(600))
    month = MONTHS[day.month - 1]
    return rng.choice(
        [
            day.isoformat(),
            f"{day.day}/{day.month}/{day.year}",
            f"{month} {day.day}",
            f"{ORDINALS[day.day - 1]} of {month}",
        ]
    )


def _reference(rng: random.Random) -> str:
    upper = string.ascii_uppercase
    return rng.choice(
        [
            "".join(rng.choice(upper + string.digits) for _ in range(6)),
            f"HB-{_digits(rng, 5)}",
            f"BK{_digits(rng, 7)}",
            f"1Z{_digits(rng, 6)}{_digits(rng, 10)}",
        ]
    )


LOOKALIKES: dict[str, Callable[[random.Random], tuple[str, str]]] = {
    "order number": _from(
        "My order number is {}.", "It's about order {}", "The tracking number is {}", "invoice {}, please", value=_order
    ),
    "reference": _from(
        "The booking reference is {}.",
        "confirmation code {}",
        "reservation {} for two",
        "tracking {}",
        value=_reference,
    ),
    "price": _from(
        "That will be {} in total.",
        "The room costs {} a night.",
        "I paid {} for it",
        value=lambda rng: rng.choice(
            [
                f"${rng.randrange(20, 2000)}.{rng.randrange(100):02d}",
                f"{rng.randrange(1, 99)},{rng.randrange(1000):03d} euros",
                f"{ONES[rng.randrange(1, 10)]} hundred and {TENS[rng.randrange(2, 10)]} pounds",
                f"1.{rng.randrange(100, 999)}.{rng.randrange(100, 999)},00 EUR",
            ]
        ),
    ),
    "time": _from("Check-in is at {}.", "We arrive around {}", "the taxi comes at {} tomorrow", value=_clock),
    "room": _from(
        "You are in room {}.",
        "I am in {} on the fourth floor",
        "rooms {} and 214 are free",
        value=lambda rng: rng.choice(
            [
                str(rng.randrange(100, 1999)),
                " ".join(ONES[rng.randrange(10)] for _ in range(3)),
                f"{rng.randrange(1, 9)}0{rng.randrange(1, 9)}B",
            ]
        ),
    ),
    "flight": _from(
        "My flight is {}.",
        "I land with {} at noon",
        "flight {} is late",
        value=lambda rng: (
            f"{rng.choice(['BA', 'LH', 'IB', 'AA', 'U2'])}{rng.choice(['', ' '])}{rng.randrange(10, 9999)}"
        ),
    ),
    "year": _from(
        "The hotel opened in {}.",
        "We have come here every year since {}",
        "from {} to 2019 it was closed",
        value=lambda rng: rng.choice([str(rng.randrange(1900, 2027)), _year_aloud(rng.randrange(1930, 1999))]),
    ),
    "quantity": _from(
        "We need {} towels.",
        "For {} people and three nights",
        "{} boxes of 12, each 250 ml",
        value=lambda rng: rng.choice(
            [str(rng.randrange(1, 5000)), ONES[rng.randrange(1, 10)], "one or two", "two, three, or four"]
        ),
    ),
    "stay": _from("We arrive on {}.", "Is {} still free?", "from {} for two nights", value=_stay),
    "postcode": _from(
        "The address is 12 Harbour Road, {}.",
        "my postcode is {}",
        "zip {}",
        value=lambda rng: rng.choice(
            ["SW1A 1AA", "EC2V 7HN", _digits(rng, 5), f"{_digits(rng, 5)}-{_digits(rng, 4)}", "M1 4BT"]
        ),
    ),
    "web": _from(
        "I saw it {}.",
        "Look {} for the menu",
        value=lambda rng: rng.choice(
            [
                "on www.harbour-hotel.com",
                "at booking dot com",
                "at harbour hotel dot com",
                "on @harbourhotel",
                "at version 2.4.11",
                "on 192.168.0.12",
            ]
        ),
    ),
    "password talk": _from(
        "{}",
        value=lambda rng: rng.choice(
            [
                "I forgot my password.",
                "The password must be eight characters long.",
                "My password is not working",
                "the password is wrong, it says",
                "Can you reset my password, please?",
                "your password is case sensitive",
                "The wifi password is on the card in your room.",
                "I pinned it to the map.",
                "My password is expired",
                "My password is too long",
            ]
        ),
    ),
    "account number": _from(
        "My loyalty number is {}.",
        "member {} since 2019",
        "The meter reads {}",
        "serial number {}",
        value=lambda rng: _not_luhn(rng, rng.choice([8, 9, 10, 12])),
    ),
    "birthday talk": _from(
        "{}",
        value=lambda rng: rng.choice(
            [
                f"It's my birthday and we arrive on {_stay(rng)}.",
                f"The cake is for my daughter, she turns {rng.randrange(2, 18)}.",
                "We need a room for a birthday party of 25 people.",
                f"Happy birthday! Your stay until {rng.randrange(1, 28)} May is confirmed.",
                "Do you want my date of birth?",
            ]
        ),
    ),
}


def conversations(seed: int = 11) -> Iterator[Planted | NearMiss]:
    """Both sets, for whoever wants to land them."""
    yield from planted(seed)
    yield from near_misses(seed + 1)
