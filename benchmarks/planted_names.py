"""People's names as they are said and written in calls and chats, and words that only look like names.

Knows nothing of the recogniser that is measured with it. Given and family names of many origins are combined at random,
so that nobody is meant; the same seed gives the same set. Half of what is said is in lower case, as much of what speech
recognition writes is.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from planted import NearMiss, Piece, Planted, Turns

ORIGINS = {
    "english": ("Emily Oliver Hannah George Charlotte Ethan", "Walker Thompson Hughes Baker Fletcher Reynolds"),
    "spanish": ("Lucía Alejandro Pilar Javier Carmen Diego", "Fernández Romero Castillo Ortega Navarro Delgado"),
    "portuguese": ("Beatriz Tiago Joana Rafael Larissa Thiago", "Almeida Ferreira Nogueira Carvalho Teixeira Moura"),
    "french": ("Camille Étienne Manon Julien Élodie Laurent", "Lefebvre Moreau Girard Chevalier Renaud Marchand"),
    "german": ("Katharina Jürgen Anneliese Matthias Heike Lukas", "Schneider Hoffmann Krüger Vogel Brandt Lindner"),
    "italian": ("Chiara Matteo Giulia Lorenzo Francesca Davide", "Conti Ricci Marchetti Bellini Ferrara Galli"),
    "polish": ("Agnieszka Wojciech Małgorzata Tomasz Kinga Marek", "Kowalczyk Wiśniewska Zieliński Nowicki Lis Wróbel"),
    "nordic": ("Ingrid Lars Astrid Mikkel Freja Sven", "Lindqvist Johansson Nygaard Hansen Virtanen Dahl"),
    "turkish": ("Elif Mehmet Zeynep Burak Ayşe Emre", "Yılmaz Demir Kaya Öztürk Şahin Arslan"),
    "arabic": ("Fatima Yusuf Layla Omar Noor Khalid", "Al-Sayed Haddad Mansour Khoury Nasser Farouk"),
    "indian": ("Priya Arjun Deepika Rahul Lakshmi Sanjay", "Raghunathan Sharma Patel Iyer Banerjee Chaudhary"),
    "chinese": ("Xiaoming Wei Jing Haoran Meiling Yan", "Zhang Huang Zhao Liu Chen Guo"),
    "vietnamese": ("Linh Minh Huong Quang Thao Duc", "Nguyen Tran Pham Hoang Dang Vo"),
    "nigerian": ("Chinonso Oluwaseun Ngozi Babatunde Amara Emeka", "Okafor Adeyemi Eze Balogun Nwosu Olawale"),
    "irish": ("Siobhán Cillian Aoife Declan Niamh Ronan", "O'Connor Gallagher Byrne O'Sullivan Doyle Kavanagh"),
}
SAID = [
    "My name is {}.",
    "Hi, this is {} and I need to change my booking.",
    "I'm {}, I called yesterday.",
    "It's for my husband, {}.",
    "The reservation is under {}",
    "You can put it under {}, please.",
    "I spoke to {} this morning",
    "Please ask {} to call me back.",
    "the order was placed by {} I think",
]
SPANISH = ["Me llamo {}.", "Soy {} y quiero cambiar mi reserva.", "La reserva está a nombre de {}."]
ASKED = [
    "Could I have your name, please?",
    "And what name is the booking under?",
    "Who am I speaking with?",
    "May I have your first and last name?",
]
ANSWERED = ["{}", "It's {}.", "{}, please.", "Sure, {}", "Yes, that's {}.", "um {}"]
ADDRESSED = [
    "Thank you, {}.",
    "Perfect, {}, I have found your booking.",
    "How can I help you today, {}?",
    "One moment please, {}.",
]
TITLES = ["Mr.", "Ms.", "Mrs.", "Dr.", "Mr", "Ms"]


def planted_names(seed: int = 41, per_form: int = 40) -> list[Planted]:
    """`per_form` conversations of each form, each with one person in it."""
    made = []
    for form, maker in FORMS.items():
        rng = random.Random(f"{seed} {form}")
        for _ in range(per_form):
            given, family = (rng.choice(words.split()) for words in rng.choice(list(ORIGINS.values())))
            made.append(maker(rng, form, given, family))
    return made


def near_names(seed: int = 42, per_kind: int = 60) -> list[NearMiss]:
    """`per_kind` conversations for each thing that looks like a name."""
    made = []
    for kind, (sentences, words) in LOOKALIKES.items():
        rng = random.Random(f"{seed} {kind}")
        for _ in range(per_kind):
            said = _cased(rng, rng.choice(sentences).format(rng.choice(words)))
            made.append(NearMiss(kind, _around(rng, [("user", said)])))
    return made


def _around(rng: random.Random, said: Turns) -> Turns:
    opening = rng.choice(["Hello, how can I help you?", "Good evening, Harbour Hotel.", "Hi there, what can I do?"])
    reason = rng.choice(["I want to change my booking.", "hi it's about my stay", "Can you help me with an order?"])
    return [("agent", opening), ("user", reason), *said, ("agent", rng.choice(["Thank you.", "Got it, one moment."]))]


def _cased(rng: random.Random, text: str) -> str:
    return text.lower() if rng.random() < 0.5 else text


def _placed(rng: random.Random, form: str, said: list[tuple[str, str, str]], keep_case: bool = False) -> Planted:
    """`said` is who says what about whom: speaker, sentence with {} for the name, name."""
    turns: Turns = []
    pieces = []
    lower = rng.random() < 0.5 and not keep_case
    for speaker, sentence, name in said:
        before, _, after = sentence.partition("{}")
        before, name, after = (part.lower() if lower else part for part in (before, name, after))
        if name:
            pieces.append(Piece(2 + len(turns), before, name, after))
        turns.append((speaker, before + name + after))
    return Planted("NAME", form, _around(rng, turns), tuple(pieces))


def _full(rng: random.Random, form: str, given: str, family: str) -> Planted:
    return _placed(rng, form, [("user", rng.choice(SAID), f"{given} {family}")])


def _given(rng: random.Random, form: str, given: str, family: str) -> Planted:
    return _placed(rng, form, [("user", rng.choice(SAID[:4]), given)])


def _family(rng: random.Random, form: str, given: str, family: str) -> Planted:
    return _placed(rng, form, [("user", rng.choice(SAID[4:6]), family)])


def _spanish(rng: random.Random, form: str, given: str, family: str) -> Planted:
    return _placed(rng, form, [("user", rng.choice(SPANISH), f"{given} {family}")])


def _answer_full(rng: random.Random, form: str, given: str, family: str) -> Planted:
    asked = ("agent", rng.choice(ASKED), "")
    return _placed(rng, form, [asked, ("user", rng.choice(ANSWERED), f"{given} {family}")])


def _answer_family(rng: random.Random, form: str, given: str, family: str) -> Planted:
    asked = ("agent", rng.choice(["And your last name?", "What is your surname, please?"]), "")
    return _placed(rng, form, [asked, ("user", rng.choice(ANSWERED), family)])


def _surname_first(rng: random.Random, form: str, given: str, family: str) -> Planted:
    asked = ("agent", rng.choice(ASKED), "")
    return _placed(rng, form, [asked, ("user", "{}", f"{family}, {given}")])


def _initial(rng: random.Random, form: str, given: str, family: str) -> Planted:
    return _placed(rng, form, [("user", rng.choice(SAID), f"{given[0]}. {family}")], keep_case=True)


def _titled(rng: random.Random, form: str, given: str, family: str) -> Planted:
    sentence = rng.choice(ADDRESSED).replace("{}", f"{rng.choice(TITLES)} {{}}")
    return _placed(rng, form, [("agent", sentence, family)])


def _addressed(rng: random.Random, form: str, given: str, family: str) -> Planted:
    return _placed(rng, form, [("agent", rng.choice(ADDRESSED), given)])


def _said_twice(rng: random.Random, form: str, given: str, family: str) -> Planted:
    first = ("user", rng.choice(SAID[:3]), f"{given} {family}")
    return _placed(rng, form, [first, ("agent", rng.choice(ADDRESSED), given)])


def _spelled(rng: random.Random, form: str, given: str, family: str) -> Planted:
    letters = rng.choice([" ", "-", " - ", ". "]).join(letter for letter in family.upper() if letter.isalpha())
    first = ("user", rng.choice(SAID[4:6]), family)
    return _placed(rng, form, [first, ("agent", "Could you spell your last name?", ""), ("user", "{}", letters)])


FORMS: dict[str, Callable[..., Planted]] = {
    "full": _full,
    "given": _given,
    "family": _family,
    "spanish": _spanish,
    "answer_full": _answer_full,
    "answer_family": _answer_family,
    "surname_first": _surname_first,
    "initial": _initial,
    "titled": _titled,
    "addressed": _addressed,
    "said_twice": _said_twice,
    "spelled": _spelled,
}

LOOKALIKES: dict[str, tuple[list[str], list[Any]]] = {
    "month": (
        ["We arrive in {}.", "is it cheaper in {}", "From {} the third for two nights."],
        "April May June August January".split(),
    ),
    "city": (
        ["I am travelling to {} on Monday.", "What is the weather in {}?", "the train from {} was late"],
        "Paris|Florence|Charlotte|Austin|Sydney|San José|Santiago|Madison|Lourdes|Adelaide|Victoria".split("|"),
    ),
    "place": (
        ["We would like a table at {}.", "how far is {} from the station", "I had booked {} for two."],
        "the Hilton|the Marriott|the St. Regis|Nando's|Luigi's|the Ritz|Wendy's|the Royal Oak|Hotel Bristol".split("|"),
    ),
    "brand": (
        ["I pay with {}.", "my {} does not start", "Do you sell {}?"],
        "American Express|Wells Fargo|a Mercedes|Levi's|Johnson and Johnson|Dell|Philips|Siemens|Chase".split("|"),
    ),
    "food": (
        ["I'd like the {}.", "is there {} on the menu", "Two times {}, please."],
        "Caesar salad|Earl Grey|pizza Margherita|Eggs Benedict|a Bloody Mary|Tarte Tatin".split("|"),
    ),
    "word": (
        ["{}"],
        [
            "Will you mark it in the calendar?",
            "The price rose again in the spring.",
            "To be frank, the bill was wrong.",
            "I hope the art museum is open.",
            "There is a grace period, I think.",
            "Can you sue them for that?",
            "Please patch it through to the desk.",
            "He drew the line there.",
            "Pat dry the screen, it said.",
        ],
    ),
    "role": (
        ["Can I speak to {}?", "I want {} to call me", "Is {} there today?"],
        "the manager|a nurse|the doctor|your supervisor|the driver|housekeeping|Customer Care|the front desk".split(
            "|"
        ),
    ),
    "answer": (
        ["{}"],
        "Yes please.|No, thank you.|Monday.|Two adults and one child.|Booking.|Sure, go ahead.|Voucher SUMMER.".split(
            "|"
        ),
    ),
    "holiday": (
        ["Are you open on {}?", "we come for {}", "Is it more on {}?"],
        "Christmas|Easter|St. Patrick's Day|Martin Luther King Day|Valentine's Day|Boxing Day".split("|"),
    ),
}
