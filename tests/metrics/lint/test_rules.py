"""Each rule fires on its bad example and is silent on its good one; so is every other rule."""

from __future__ import annotations

import time

import pytest

from metrics_pipeline.metrics.lint.checking import all_rules, lint, read_project

RULES = all_rules()
PLAIN = 'name: "{name}"\ntype: boolean\ndefinition: {definition}\ntrue_when: {true}\nfalse_when: {false}\ngood: true\n'


def codes(folder, text, beside=(), seen=None):
    folder.mkdir(exist_ok=True)
    for key, other in beside:
        (folder / f"{key}.yaml").write_text(other)
    path = folder / "example.yaml"
    path.write_text(text)
    return [found.code for found in lint(read_project(folder, seen)) if found.file == path]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_fires_on_its_bad_example_and_nothing_fires_on_its_good_one(tmp_path, rule):
    assert rule.code in codes(tmp_path / "bad", rule.bad, rule.beside, rule.seen)
    assert codes(tmp_path / "good", rule.good, rule.beside, rule.seen_good or rule.seen) == []


def boolean(
    definition, true="The agent said that the money is on its way.", false="The agent said no.", name="Case: x"
):
    return PLAIN.format(name=name, definition=definition, true=f'"{true}"', false=f'"{false}"')


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (boolean("Whether it was a good call.", "It was a good call."), "O201"),
        (boolean("The interaction reached a satisfying end.", "It ended well."), "O201"),
        (boolean("How the agent did.", "The agent did a good job."), "O201"),
        (boolean("Booking metric", name="Booking"), "O202"),
        (boolean("The caller was authenticated.", "The caller was authenticated."), "O203"),
        (boolean("The request was resolved; partial success is possible."), "S304"),
        (boolean("The caller took up the loyalty offer."), "A401"),
        (boolean("The agent refunded the fee as the handbook lays down."), "C501"),
        (boolean("The agent fobbed the hapless caller off with a voucher."), "C502"),
        (boolean("The agent quoted the fee that is now in force."), "C504"),
        (boolean("The agent saved the new address and had confirmed who the caller is."), "O203"),
        (boolean("The player got support.", "The answers were up to scratch."), "O201"),
        (boolean("The rider said yes to the pass that the agent had put forward."), "A401"),
        (boolean("Borrowers behind on payments were told of a fund."), "A401"),
        (boolean("A sample the owner posted was confirmed."), "A401"),
        (boolean("The agent waived the fine in line with the goodwill ledger."), "C501"),
        (boolean("The agent granted the days that the leave ladder allows."), "C501"),
        (boolean("The pump restarted while the agent was there."), "C503"),
        (boolean("The driver delivered the crate in one piece."), "C503"),
        (boolean("The agent was friendly and named the dose."), "O204"),
        (boolean("The lamp on the panel lit up while the agent waited."), "C503"),
        (boolean("The household was put on a list after the tenant had said that nobody can help."), "A401"),
        (boolean("With a parcel lost, the sender hears of a form."), "A401"),
        (boolean("If the vet is away the owner gets a number."), "A401"),
        (boolean("The request for a lower fee was granted."), "A401"),
        (boolean("The bot keeps to the wording that legal has cleared.", "The wording is the cleared one."), "C501"),
        (boolean("The insurer pays, and we want to see how complete the payment was."), "S304"),
        (boolean("The owner is invited to a visit and learns how to register."), "O204"),
    ],
)
def test_a_weak_twin_is_caught(tmp_path, text, code):
    assert code in codes(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        boolean("Whether it was a good call.", "The agent answered the question, and nobody else was brought in."),
        boolean("A table was booked.", "The table was booked, read back to the caller, and a message was sent."),
        boolean("The caller was verified.", "The caller gave two details, name and date of birth, which matched."),
        boolean("The agent said that goods were returned."),
        boolean("The caller said that they felt ignored.", "The caller said that they felt ignored or forgotten."),
        boolean("The caller complained that the handbook was not followed."),
        boolean("The agent told the caller that the line works now."),
        boolean("The caller said that the food was horrible."),
        boolean("A date was agreed.", "Either side put forward a weekday or a date and the other accepted it."),
        boolean("The person on the phone is a parent, by what they say.", "The caller calls themselves a parent."),
        boolean(
            "The caller raises their voice, as the transcript marks it.", "A message holds three words in capitals."
        ),
        boolean("The player asks about a setting.", "A question by the player is about what the setting does."),
        boolean("Patients who ask how likely a cure is.", "The patient asks for a percentage."),
        boolean("The agent ends the chat only after asking for wishes.", "A question stands in the agent's last turn."),
        boolean("The agent named a fee, rightly or wrongly."),
        boolean("A visit within three days was booked.", "The agent named a day, at most three days ahead."),
        boolean("The buyer wants the load on a later day.", "The buyer wants it on a later day."),
        boolean("A neighbour's loud music was put on record.", "The agent said that a complaint is filed."),
        boolean("The agent spoke of a slow zone."),
        boolean(
            "Visitors put into words that they felt ashamed.", "A visitor used one of these words, or one like them."
        ),
        boolean("The owner says what the lamp does.", "The lamp on the panel lit up."),
        boolean("Smoke came out of the engine, by the account of the skipper.", "The skipper said so."),
        boolean("The agent arrives at one number for the part.", "One part number was said."),
        boolean("A match came up and was said.", "A match came in the first turn."),
        boolean("Someone was hurt, and the rider says so.", "The rider says that a person is hurt."),
        boolean("Crates were dumped and a neighbour broke a leg.", "The caller said that a crate fell."),
        boolean("The agent asks if anything else is needed.", "The agent asked for wishes."),
        boolean("The rules for pets were named at the moment the guest put a dog on the list.").replace(
            "good: true", "applies_when: Once the guest has named a dog."
        ),
        boolean("The debtor claims to have paid a few days ago.", "The debtor says that money was sent."),
        boolean("The rider fights the bill for towing.").replace("good: true", "good: false"),
        boolean('"A slot was agreed: one side said the day and the other accepted."').replace(
            'true_when: "The agent said that the money is on its way."\n', ""
        ),
        boolean("A symptom is reported by the donor.", "The donor felt dizzy, or saw stars."),
        boolean("Whether both names are said first.", "Both names occur in the first turn of the agent."),
    ],
)
def test_a_strong_twin_is_clean(tmp_path, text):
    assert codes(tmp_path, text) == []


CATEGORICAL = """\
name: "Case: x"
type: categorical
definition: {definition}
applies_when: Once the caller has asked for it.
labels:
  - {{name: one, when: "{one}", outcome: {outcomes[0]}}}
  - {{name: two, when: "{two}", outcome: {outcomes[1]}}}
  - {{name: {rest}, when: "{rest_when}", outcome: {outcomes[2]}}}
"""


def categorical(definition, one, two, outcomes=("neutral",) * 3, rest="other", rest_when="Anything else."):
    return CATEGORICAL.format(
        definition=definition, one=one, two=two, outcomes=outcomes, rest=rest, rest_when=rest_when
    )


RATED = ("success", "partial", "failure")
TIMED = ("gone", "The agent named more than an hour.")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (
            categorical(
                "How many pets there are.", "The owner named several pets.", "The owner named more than one pet."
            ),
            "S305",
        ),
        (
            categorical(
                "Where it stands.", "It has not been mended yet.", "The agent said that it is waiting for a part."
            ),
            "S305",
        ),
        (
            categorical("What the bank did.", "The agent waived the fee.", "The agent asked for the reason.", RATED),
            "S305",
        ),
        (categorical("How it went.", "The tenant accepted or refused it.", "The tenant will call.", RATED), "O204"),
        (categorical("How long.", "The agent named less than 5 minutes.", "20 to 60 minutes.", RATED, *TIMED), "S306"),
    ],
)
def test_labels_that_meet_or_leave_a_gap_are_caught(tmp_path, text, code):
    assert code in codes(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        categorical("How many pets there are.", "The owner named one pet.", "The owner named more than one pet."),
        categorical("How the caller comes.", "The caller said that they walk.", "The caller named a bus."),
    ],
)
def test_labels_that_are_told_apart_are_clean(tmp_path, text):
    assert not {"S305", "S306", "O204"} & set(codes(tmp_path, text))


def test_a_guess_is_quoted_and_not_the_day_that_it_is_about(tmp_path):
    (tmp_path / "example.yaml").write_text(boolean("The borrower is likely to pay next month."))

    [message] = [found.message for found in lint(read_project(tmp_path)) if found.code == "C503"]

    assert "is likely to" in message


def test_a_rare_class_says_from_how_many_answers_on_it_speaks():
    [rule] = [rule for rule in RULES if rule.code == "J601"]

    assert "fewer than 100 answers" in rule.wrong


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("# lint: ignore S302: the rest is false by law", []),
        ("# lint: ignore S302", ["S302", "X001"]),
        ("# lint: ignore Q999: why not", ["S302", "X001"]),
        ("# lint: ignore O201: never there", ["S302", "X001"]),
    ],
)
def test_a_comment_excuses_a_code_when_it_says_why(tmp_path, comment, expected):
    text = boolean("The agent said that goods were returned.").replace('false_when: "The agent said no."\n', "")

    assert sorted(codes(tmp_path, f"{comment}\n{text}")) == expected


@pytest.mark.parametrize(
    ("synonyms", "other"),
    [((("order", "purchase"),), "Purchase"), ((("transfer", "passover"),), "Passover"), ((), None)],
)
def test_a_projects_own_synonyms_stand_beside_those_that_are_known(tmp_path, synonyms, other):
    names = ["Order: one", "Order: two", "Order: three", "Handoff: one", "Handoff: two", "Handoff: three"]
    names += ["Purchase: four", "Passover: four", "Escalation: five"]
    for number, name in enumerate(names):
        (tmp_path / f"metric_{number}.yaml").write_text(boolean(f"The agent named price {number}.", name=name))

    found = lint(read_project(tmp_path, synonyms=synonyms))

    named = [finding.message for finding in found if finding.code == "N102"]
    assert any("'escalation'; others say 'handoff'" in message for message in named)
    assert len(named) == (2 if other else 1)
    assert other is None or any(f"{other.lower()!r}" in message for message in named)


def test_a_file_that_does_not_load_hides_no_other(tmp_path):
    (tmp_path / "broken.yaml").write_text("name: [")

    assert "O202" in codes(tmp_path, boolean("Booking metric", name="Booking"))
    assert {found.code for found in lint(read_project(tmp_path))} >= {"L001", "O202"}


def test_lint_refuses_what_a_run_would_refuse(tmp_path):
    text = boolean("The agent said that goods were returned.")
    for name in ("first", "twin"):
        (tmp_path / f"{name}.yaml").write_text(text)
    (tmp_path / "elsewhere.yaml").symlink_to("/dev/null")
    (tmp_path / "folder.yaml").mkdir()

    found = {finding.file.stem: finding for finding in lint(read_project(tmp_path)) if finding.code == "L001"}

    assert found.keys() == {"twin", "elsewhere", "folder"}
    assert "is taken by" in found["twin"].message


def test_five_hundred_definitions_take_less_than_three_seconds(tmp_path):
    for number in range(500):
        text = boolean(f"The agent named price {number} of plan {number * 7} before item {number * 3} was sold.")
        (tmp_path / f"metric_{number}.yaml").write_text(text.replace("Case: x", f"Plan {number}: named"))
    project = read_project(tmp_path)
    started = time.process_time()
    lint(project)

    assert time.process_time() - started < 3
