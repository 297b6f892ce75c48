"""People's names are taken out where a recogniser sees them, and one person is one token throughout a conversation."""

from __future__ import annotations

import json
import re
import sys
import time
from zoneinfo import ZoneInfo

import msgspec
import pytest
from exports import raw, write
from names import measure, same_person
from test_redaction import said

from metrics_pipeline.conversations.landing import land_folder
from metrics_pipeline.conversations.merge import merge, read_conversations
from metrics_pipeline.conversations.record import LoggedValue, Turn
from metrics_pipeline.conversations.redaction import name_model
from metrics_pipeline.conversations.redaction.recogniser import Recogniser, open_recogniser
from metrics_pipeline.conversations.redaction.redactor import Redactor
from metrics_pipeline.data_folder import open_data_folder
from metrics_pipeline.errors import LandingError, SettingsError
from metrics_pipeline.settings import load_settings

MISSING = [name for name in name_model.NEEDED if name_model.find_spec(name) is None]
with_model = pytest.mark.skipif(bool(MISSING), reason=f"the extra `names` is not installed: {', '.join(MISSING)}")


def sees(*names: str) -> Redactor:
    """A redactor whose recogniser sees these names, written so."""
    pattern = re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True))))
    return Redactor(recogniser=Recogniser(lambda texts: [[m.span() for m in pattern.finditer(t)] for t in texts], "1"))


def texts(redactor: Redactor, *turns: str) -> list[str]:
    return [turn.text for turn in redactor.redact(said(*turns)).conversation.turns]


def test_one_person_is_one_token_by_part_of_the_name_case_accent_and_after_a_title_which_stays():
    given = texts(
        sees("María García", "Garcia", "MARIA", "Peter"),
        "Your name?",
        "María García, and this is Peter",
        "Thank you, Ms. Garcia.",
        "MARIA GARCIA, I said. Call me Maria",
    )
    assert given == [
        "Your name?",
        "⟦NAME_1⟧, and this is ⟦NAME_2⟧",
        "Thank you, Ms. ⟦NAME_1⟧.",
        "⟦NAME_1⟧, I said. Call me ⟦NAME_1⟧",
    ]


def test_where_two_people_share_a_name_it_is_a_token_of_its_own():
    given = texts(sees("Ana Lopez", "Luis Lopez", "Lopez"), "Who?", "Ana Lopez and Luis Lopez", "So, Mr. Lopez?")
    assert given[1:] == ["⟦NAME_1⟧ and ⟦NAME_2⟧", "So, Mr. ⟦NAME_3⟧?"]


def test_a_name_that_is_spelled_is_the_same_and_makes_sure_of_it_where_it_was_not_seen():
    blind = sees("nobody at all")
    given = texts(
        blind, "Yes?", "it's under ortega", "Could you spell your last name?", "O-R-T-E-G-A", "Ortega, thanks"
    )
    assert given[1::2] == ["it's under ⟦NAME_1⟧", "⟦NAME_1⟧"]
    assert given[4] == "⟦NAME_1⟧, thanks"
    assert texts(blind, "Spell your booking reference?", "A B C D E")[1] == "A B C D E"


def test_a_word_that_is_also_a_name_is_left_alone_where_the_recogniser_leaves_it():
    redactor = Redactor(recogniser=Recogniser(lambda texts: [[(11, 15)] if "is" in t else [] for t in texts], "1"))
    given = texts(redactor, "Name?", "My name is Will Hunt", "Will you wait?", "i will, and so will Will")
    assert given == ["Name?", "My name is ⟦NAME_1⟧ Hunt", "Will you wait?", "i will, and so will ⟦NAME_1⟧"]


def test_names_in_what_functions_did_and_in_attributes_are_taken_out_and_what_gates_compare_with_stays():
    call = Turn(2, "function", "", None, "ask_ana", '{"guest_name": "Ana", "room": "Ana"}', '{"note": "Ana waits"}')
    one = said("Name?", "It is Ana", attributes='{"caller": "Ana", "voice": "Ana"}', variant="Ana", channel="Ana")
    one = msgspec.structs.replace(one, turns=(*one.turns, call), logged_metrics=(LoggedValue("name", 0, "Ana"),))

    kept = sees("Ana").redact(one).conversation

    assert json.loads(kept.turns[2].function_arguments) == {"guest_name": "⟦NAME_1⟧", "room": "⟦NAME_1⟧"}
    assert json.loads(kept.turns[2].function_result) == {"note": "⟦NAME_1⟧ waits"}
    assert json.loads(kept.attributes) == {"caller": "⟦NAME_1⟧", "voice": "⟦NAME_1⟧"}
    assert kept.logged_metrics[0].value == "⟦NAME_1⟧"
    assert (kept.variant, kept.channel, kept.turns[2].function_name) == ("Ana", "Ana", "ask_ana")


def test_tokens_are_no_names_greetings_neither_and_what_is_surer_comes_first():
    eager = Redactor(recogniser=Recogniser(lambda texts: [[(0, len(t))] if t else [] for t in texts], "1"))
    once = eager.redact(said("Goodbye!", "ana.lopez@example.org", "4111 1111 1111 1111")).conversation
    assert [turn.text for turn in once.turns] == ["Goodbye!", "⟦EMAIL_1⟧", "⟦CARD_1⟧"]
    assert eager.redact(once).conversation == once


def test_the_recogniser_is_a_part_of_the_version_and_without_one_nothing_changes():
    assert len({Redactor().version, sees("Ana").version, Redactor(recogniser=Recogniser(len, "2")).version}) == 3
    assert Redactor(recogniser=open_recogniser(False)).version == Redactor().version


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Writes a module with a function of a team's own, and gives its setting."""
    monkeypatch.syspath_prepend(tmp_path)

    def written(body: str) -> str:
        name = f"own_names_{len(list(tmp_path.iterdir()))}"
        (tmp_path / f"{name}.py").write_text(f"def find(texts):\n    {body}\n")
        monkeypatch.delitem(sys.modules, name, raising=False)
        return f"{name}:find"

    return written


def test_a_function_of_ones_own_finds_names_from_the_landing_on(own, tmp_path):
    setting = own("return [[(t.index('Zoltan'), t.index('Zoltan') + 6)] if 'Zoltan' in t else [] for t in texts]")
    settings = load_settings(environment={"METRICS_REDACT_NAMES": setting})
    one = raw(1, 1, state={"heard": "it was Zoltan"}, metrics={"caller": "Zoltan"})
    one["turns"][0]["user_input"] = "Zoltan here"
    write(tmp_path / "landing" / "a.jsonl", one)
    folder = open_data_folder(tmp_path / "data")

    land_folder(
        tmp_path / "landing", folder, ZoneInfo("UTC"), Redactor(recogniser=open_recogniser(settings.redact_names))
    )
    merge(folder)

    (kept,) = read_conversations(folder, folder.days()[0])
    assert "Zoltan" not in msgspec.json.encode(kept).decode()
    assert kept.turns[0].text == "⟦NAME_1⟧ here"
    assert json.loads(next(folder.landed.glob("*/receipt.json")).read_bytes())["redactions"] == {"NAME": 3}


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ("raise ValueError(texts)", "failed with ValueError"),
        ("return 7", "failed with TypeError"),
        ("return []", "for each text, a list of"),
        ("return [[(0, 999)] for text in texts]", "for each text, a list of"),
    ],
)
def test_a_function_that_fails_ends_in_a_sentence_without_a_word_of_the_conversation(own, body, wrong):
    redactor = Redactor(recogniser=open_recogniser(own(body)))
    with pytest.raises(LandingError, match=wrong) as error:
        redactor.redact(said("My secret", "is this"))
    assert "secret" not in str(error.value)
    assert error.value.__context__ is None or error.value.__suppress_context__


def test_a_recogniser_that_is_not_there_is_refused_in_a_sentence(own, monkeypatch):
    for setting in ("no_such_module:find", own("return texts") + "_it"):
        with pytest.raises(SettingsError, match="cannot be imported"):
            open_recogniser(setting)
    with pytest.raises(SettingsError, match="is not a function"):
        open_recogniser("json:__name__")
    for value in ("yes please", "module", "a b:c", ":find"):
        with pytest.raises(SettingsError, match="neither true nor false"):
            load_settings(environment={"METRICS_REDACT_NAMES": value})
    assert load_settings(environment={"METRICS_REDACT_NAMES": "True"}).redact_names is True
    monkeypatch.setattr(name_model, "NEEDED", ("no_such_package",))
    with pytest.raises(SettingsError, match=r"no_such_package: pip install 'metrics-pipeline\[names\]'"):
        open_recogniser(True)


@with_model
def test_the_model_finds_as_many_names_as_the_documentation_says():
    redactor = Redactor(recogniser=open_recogniser(True))

    found = measure(redactor, 61, per_form=15, per_kind=12)

    names = found["kinds"]["NAME"]
    assert names["items"] == 180
    assert names["recall"] >= 0.92, found["missed"]
    assert names["precision"] >= 0.75, found["mistaken"]
    assert same_person(redactor, 61, per_form=15) >= 0.9


def test_a_sign_that_is_no_text_hides_no_name_and_ends_nothing():
    assert texts(sees("Ana"), "\ud800 Ana", "Ana\udfff")[0] == "\ud800 ⟦NAME_1⟧"


@with_model
def test_the_model_reads_a_text_of_any_length_to_its_end_and_any_signs():
    talk = "we talked about the weather and the food and the way to the station. "
    long = "".join(f"{talk * number} My name is Lorenzo Ricci. " for number in range(1, 12))
    assert len(name_model.find_names([long])[0]) == 11
    started = time.process_time()
    for odd in ("\ufdfa" * 2_000, "각" * 2_000, " " * 5_000, "", "a" * 5_000, "\x00"):
        assert len(name_model.find_names(["hello", odd])) == 2
    assert time.process_time() - started < 20
