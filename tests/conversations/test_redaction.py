"""What is personal is taken out before anything is written, and stays recognisable as the same."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import msgspec
import pytest
from exports import raw, write
from planted import near_misses, planted
from redaction import GOALS, measure

from metrics_pipeline.conversations.landing import land_folder
from metrics_pipeline.conversations.merge import merge, read_conversations
from metrics_pipeline.conversations.receipts import receipts
from metrics_pipeline.conversations.record import Conversation, LoggedValue, Turn
from metrics_pipeline.conversations.redaction import cues, numbers, speaking, spoken, words
from metrics_pipeline.conversations.redaction.cues import REACH
from metrics_pipeline.conversations.redaction.finding import find
from metrics_pipeline.conversations.redaction.passage import Passage
from metrics_pipeline.conversations.redaction.redactor import Redactor
from metrics_pipeline.conversations.redaction.signs import may_hold, signs
from metrics_pipeline.data_folder import open_data_folder
from metrics_pipeline.errors import SettingsError
from metrics_pipeline.settings import load_settings

CARD = "4111 1111 1111 1111"
NINE = datetime(2026, 9, 1, 9, tzinfo=UTC)


def said(*texts: str, **rest) -> Conversation:
    """Turns alternate, the agent first."""
    turns = tuple(Turn(index, ("agent", "user")[index % 2], text) for index, text in enumerate(texts))
    return Conversation("c1", NINE.date(), NINE, "test", turns, **rest)


def texts(*said_texts: str, redactor: Redactor | None = None) -> list[str]:
    return [turn.text for turn in (redactor or Redactor()).redact(said(*said_texts)).conversation.turns]


def test_the_planted_items_are_found_and_what_only_looks_like_them_is_left_alone():
    found = measure(Redactor(), seed=23)

    assert found["all"]["items"] >= 500
    assert found["near_misses"] >= 500
    for kind, row in found["kinds"].items():
        assert row["recall"] >= GOALS["recall"] - 0.03, (kind, found["missed"][kind])
        assert row["precision"] >= GOALS["precision"], (kind, found["mistaken"][kind])
    assert found["all"]["recall"] >= GOALS["recall"]


def test_no_word_that_names_something_is_passed_over_for_speed():
    said = [text for one in [*planted(31), *near_misses(31)] for _, text in one.turns]
    odd = [
        "NAC\u00cdDO el",
        "\u00e9born in",
        "n\u00e9 le",
        "\u017fsn 1",
        "Bestellung\u00fc ",
        "pass\u017fport",
        "D.O.B",
        "case#",
    ]
    for text in {*said, *(one.upper() for one in said[::9]), *odd}:
        pieces = [text[max(0, end - REACH) : end] for end in range(0, len(text) + 1, 20)]
        for near in [*pieces, text]:
            content = near.encode()
            if cues._CUE.search(near) or cues._OTHER.search(near):
                assert cues._SAYS_SOMETHING.search(content), near
            if any(pattern.search(near) for pattern in cues._BY_KIND.values()):
                assert cues._NAMED.search(content), near
            assert bool(cues._MONEY_BEFORE.search(near)) == bool(
                cues._MONEY_BEFORE.search(near.rstrip()[-cues.LONGEST_MONEY :])
            )


ASKERS = {
    "EMAIL": lambda passage: words.emails(passage),
    "API_KEY": lambda passage: words.keys(passage),
    "PASSWORD": lambda passage: words.passwords(passage),
    "DATE": lambda passage: words.dates(passage.text),
    "NUMBER": lambda passage: spoken.runs(passage.text),
    "BIRTH_DATE": lambda passage: words.birth_dates(passage, spoken.runs(passage.text)),
    "CODE": lambda passage: numbers.codes(passage, spoken.runs(passage.text)),
    "IBAN": lambda passage: numbers.ibans(passage, spoken.tokens(passage.text)),
    "LETTERED": lambda passage: numbers.national_ids(passage, spoken.tokens(passage.text)),
}


def test_no_recogniser_is_passed_over_where_it_would_find_something():
    odd = ["oh oh 5", "double 4 one", "4uh5uh6", "twenty first 5", "okay, it's four", "AB 12 34 56 C"]
    met = set()
    for one in [*planted(31), *near_misses(31), *([("user", text)] for text in odd)]:
        turns = one if isinstance(one, list) else one.turns
        for asked, text in zip(["", *(text for _, text in turns)], [text for _, text in turns], strict=False):
            passage = Passage(text, asked=(asked,))
            seen = signs(passage)
            found = {sign for sign, ask in ASKERS.items() if list(ask(passage))}
            # A national id is looked for by its form, and by what it is called.
            found -= {"LETTERED"} if "NATIONAL_ID" in seen else set()
            assert found <= seen, text
            assert not find(passage, ("US",), ()) or may_hold(text, asked), text
            met |= found
            longest = max((len(run.digits) for run in spoken.runs(text)), default=0)
            assert all(spoken.number_of(count).search(text.encode()) for count in range(1, min(longest, 5) + 1)), text
            assert not speaking._begins_in_number(text) or speaking._BEGINS_IN_NUMBER.search(text.encode()), text
            tail = text[-speaking.EDGE :]
            last = spoken.tokens(tail)[-1:]
            is_number = any(token.is_number or token.chars.isupper() for token in last)
            assert not is_number or spoken.may_end_in_number(tail), text
    assert met == set(ASKERS)


def test_a_number_raised_above_the_line_is_no_digit_and_ends_nothing():
    assert texts("And your PIN?", "4821, on 5² or so") == ["And your PIN?", "⟦CODE⟧, on 5² or so"]


def test_the_same_value_is_the_same_token_however_it_is_said():
    spoken = "four one one one, one one one one, one one one one, one one one one"
    assert texts("Your card?", CARD, f"So {spoken}?", "yes, not 5500 0000 0000 0004") == [
        "Your card?",
        "⟦CARD_1⟧",
        "So ⟦CARD_1⟧?",
        "yes, not ⟦CARD_2⟧",
    ]


def test_a_number_that_goes_on_in_the_next_turn_is_one_and_so_is_its_repetition_in_part():
    given = texts("Your card number?", "it's 4111 1111", "4111 1111, and then?", "then 1111 1111", "Thank you.")
    assert given == ["Your card number?", "it's ⟦CARD_1⟧", "⟦CARD_1⟧, and then?", "then ⟦CARD_1⟧", "Thank you."]


def test_codes_and_passwords_leave_not_even_a_number_behind():
    given = texts("And the security code on the back?", "one two three", "Your password?", "it's Tiger77")
    assert given[1::2] == ["⟦CODE⟧", "it's ⟦PASSWORD⟧"]


def test_what_was_asked_for_is_found_again_where_nobody_asked():
    one = said("And your date of birth?", "Yes, that is 22/05/1982", attributes='{"heard":"1982-05-22 and 1990-01-01"}')
    assert Redactor().redact(one).conversation.attributes == '{"heard":"⟦BIRTH_DATE_1⟧ and 1990-01-01"}'


@pytest.mark.parametrize("name", ["userPin", "user_pin", "user-pin", "User PIN"])
def test_a_field_is_known_by_the_words_of_its_name_whether_or_not_anything_was_said_of_it(name):
    one = said("Hello?", attributes=json.dumps({name: "4821"}))
    assert json.loads(Redactor().redact(one).conversation.attributes) == {name: "⟦CODE⟧"}
    logged = LoggedValue("login", 0, json.dumps({name: "4821"}), "json")
    (kept,) = Redactor().redact(said("Hello?", logged_metrics=(logged,))).conversation.logged_metrics
    assert json.loads(kept.value) == {name: "⟦CODE⟧"}


def test_function_arguments_results_attributes_and_logged_values_are_redacted_and_stay_json():
    call = Turn(
        2, "function", "", None, "charge", '{"card_number": 4111111111111111, "nights": 2}', '{"to": "a@b.com"}'
    )
    one = said("Hello?", f"my card is {CARD}", attributes=json.dumps({"phone": "4155550123", "note": f"has {CARD}"}))
    logged = (LoggedValue("caller_phone", 0, "4155550123", "number"), LoggedValue("nights", 0, "2", "number"))
    one = msgspec.structs.replace(one, turns=(*one.turns, call), logged_metrics=logged, variant="for-ana@b.com")

    kept = Redactor().redact(one).conversation

    assert json.loads(kept.turns[2].function_arguments) == {"card_number": "⟦CARD_1⟧", "nights": 2}
    assert json.loads(kept.turns[2].function_result) == {"to": "⟦EMAIL_1⟧"}
    assert json.loads(kept.attributes) == {"phone": "⟦PHONE_1⟧", "note": "has ⟦CARD_1⟧"}
    assert [(value.value, value.value_type) for value in kept.logged_metrics] == [
        ("⟦PHONE_1⟧", "string"),
        ("2", "number"),
    ]
    assert kept.variant == "⟦EMAIL_2⟧"


def test_what_is_redacted_is_not_changed_by_redacting_it_again_and_new_values_get_new_numbers():
    once = Redactor().redact(said("Your card?", CARD)).conversation
    assert Redactor().redact(once).conversation == once

    more = msgspec.structs.replace(once, turns=(*once.turns, Turn(2, "user", "or 5500 0000 0000 0004")))
    assert Redactor().redact(more).conversation.turns[2].text == "or ⟦CARD_2⟧"


def test_a_teams_own_patterns_are_matched_in_linear_time_and_others_are_refused():
    redactor = Redactor(own={"MEMBER": r"HB-\d{6}", "EVIL": r"(a+)+$"})
    assert texts("Yes?", "I am HB-123456", redactor=redactor)[1] == "I am ⟦MEMBER_1⟧"
    started = time.process_time()
    redactor.redact(said("Yes?", "a" * 200_000 + "!"))
    assert time.process_time() - started < 5

    for name, pattern in {"A": r"(x)\1", "B": "", "c": "x", "CARD": "x", "D": "x*", "E": "(?=x)y"}.items():
        with pytest.raises(SettingsError, match=name):
            Redactor(own={name: pattern})


@pytest.mark.parametrize("pattern", [r"^HB-\w+$", r"\AHB-\w+\z", r"^member: HB-\w+$"])
def test_a_teams_own_pattern_may_say_where_a_text_begins_and_ends(pattern):
    logged = (LoggedValue("a", 0, "b"), LoggedValue("member", 0, "HB-abc"))
    one = said("Yes?", "HB-abc", "or HB-abc?", logged_metrics=logged)

    kept = Redactor(own={"MEMBER": pattern}).redact(one).conversation

    # What was found once is found again wherever it stands by itself.
    assert kept.turns[1].text == "⟦MEMBER_1⟧" or "member" in pattern
    assert kept.logged_metrics[1].value == "⟦MEMBER_1⟧"


def test_countries_of_telephone_numbers_are_a_setting():
    spanish = "she is at 612 345 678 or so"
    assert texts("Yes?", spanish)[1] == spanish
    settings = load_settings(environment={"METRICS_REDACT_PHONE_REGIONS": "us, es"})
    assert texts("Yes?", spanish, redactor=Redactor(settings.redact_phone_regions))[1] == "she is at ⟦PHONE_1⟧ or so"
    with pytest.raises(SettingsError, match="XX"):
        load_settings(environment={"METRICS_REDACT_PHONE_REGIONS": "US,XX"})


def test_new_rules_change_the_hash_of_only_those_conversations_whose_text_they_change(tmp_path):
    folder = open_data_folder(tmp_path / "data")
    landing = tmp_path / "landing"
    one, two = raw(1, 1), raw(6, 1)
    two["turns"][0]["user_input"] = "my member number, HB-123456"
    write(landing / "kept.jsonl", one)
    gone = write(landing / "gone.jsonl", two)
    (day,) = _hashes(folder, landing, Redactor())
    gone.unlink()

    (again,) = _hashes(folder, landing, Redactor(own={"MEMBER": r"HB-\d{6}"}))

    assert again["c1"] == day["c1"]
    assert again["c6"] != day["c6"]
    held = {one.conversation_id: one for one in read_conversations(folder, folder.days()[0])}
    assert held["c6"].turns[0].text == "my member number, ⟦MEMBER_1⟧"
    assert len({one.redaction for one in held.values()}) == 1
    assert sum((receipt.redactions.get("MEMBER", 0) for receipt in receipts(folder)), 0) == 1


def _hashes(folder, landing, redactor):
    land_folder(landing, folder, load_settings(environment={}).zone, redactor)
    merge(folder)
    return [{one.conversation_id: one.judged_hash for one in read_conversations(folder, day)} for day in folder.days()]
