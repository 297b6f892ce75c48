"""A definition that was made to do harm is refused in one sentence, quickly and in little memory."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from test_loading import CATEGORICAL, GOOD, parse, problems

READ = """
import json, resource, sys, time
from pathlib import Path
from metrics_pipeline.metrics.loading import load_definition, read_definition
folder = Path(sys.argv[1])
load_definition(folder / "good.yaml")
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 50_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
seconds, problems = {}, {}
for path in sorted(folder.glob("case_*.yaml")):
    started = time.process_time()
    problems[path.stem] = list(map(str, read_definition(path)))
    seconds[path.stem] = time.process_time() - started
try:
    bytearray(60_000_000)
except MemoryError:
    print(json.dumps({"problems": problems, "seconds": seconds}))
"""
LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40))
HOSTILE = {
    "a billion laughs": (LAUGHS, "alias or anchor"),
    "aliases in a list": ("a: &a [x]\n" + "b: [*a, *a]\n" * 3_000, "alias or anchor"),
    "a merged alias": (GOOD + "<<: *other\n", "alias or anchor"),
    "a tag that calls": (GOOD.replace("[auth]", "!!python/object/apply:os.system ['true']"), "tag"),
    "a tag of binary data": (GOOD.replace("[auth]", "!!binary aGVsbG8="), "tag"),
    "ten megabytes": ("x: " + "a" * 10_000_000, "larger than 64 KiB"),
    "a hundred thousand brackets": ("x: " + "[" * 100_000 + "]" * 100_000, "larger than 64 KiB"),
    "brackets that fit": ("x: " + "[" * 60_000, "nested more than"),
    "braces that fit": ("x: " + "{a: " * 15_000, "nested more than"),
    "dashes that fit": ("- " * 30_000, "nested more than"),
    "question marks that fit": ("? " * 30_000, "nested more than"),
    "a key of fifty thousand letters": (GOOD + "? " + "k" * 50_000 + "\n: 1\n", "unknown key 'kkk"),
    "an answer of sixty thousand letters": (
        GOOD + 'examples: [{transcript: "user: x", answer: "' + "x" * 60_000 + '"}]\n',
        "is not an answer of this metric; use one of: true",
    ),
    "line breaks without end": (GOOD.replace("Auth: verified", "\n" * 60_000), "name is longer than 80"),
    "digits without end": (GOOD.replace("min: 2", "min: " + "1_" * 30_000), "must be a number"),
    "sixties without end": (GOOD.replace("min: 2", "min: " + "1:" * 30_000 + "1.5"), "must be a number"),
    "very many keys": ("".join(f"k{number}: 1\n" for number in range(7_000)), "more than 5,000"),
    "very many items": (GOOD.replace("[auth]", "[" + "a," * 30_000 + "]"), "more than 5,000"),
    "very many documents": ("---\n" * 15_000, "several documents"),
    "a key twice": (GOOD + "name: other\n", "'name' is there twice"),
    "a key twice within": (
        CATEGORICAL.replace("name: delivery", "name: delivery, name: other"),
        "'name' is there twice",
    ),
}


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """What a process that may take 50 MB more than it has says of each hostile file, and in what time."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "good.yaml").write_text(GOOD)
    for number, (text, _) in enumerate(HOSTILE.values()):
        (folder / f"case_{number}.yaml").write_text(text)
    done = subprocess.run([sys.executable, "-c", READ, folder], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("number", range(len(HOSTILE)), ids=list(HOSTILE))
def test_a_file_made_to_use_up_the_machine_is_refused_within_a_second_and_fifty_megabytes(read, number):
    (problem,) = read["problems"][f"case_{number}"]

    assert list(HOSTILE.values())[number][1] in problem
    assert f"case_{number}.yaml" in problem
    assert len(problem.partition(".yaml")[2]) < 400
    assert read["seconds"][f"case_{number}"] < 1


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (GOOD.replace("Auth: verified", r"Auth \ud83d"), 1, "U+D83D"),
        (GOOD.replace('"verified": "true"', r'"\udc00": "true"'), 14, "U+DC00"),
        (CATEGORICAL.replace("name: delivery", r'name: "\udc00"'), 5, "U+DC00"),
        (GOOD + '"x\\ud83d": 1\n', 16, "U+D83D"),
        (GOOD.replace("Auth: verified", r"Auth \0"), 1, "U+0000"),
        (GOOD.replace("Auth: verified", r"\x1b[31m Auth"), 1, "U+001B"),
        (GOOD.replace("Auth: verified", r"Auth \x7f"), 1, "U+007F"),
        (GOOD.replace("[auth]", r'["a\u0007"]'), 15, "U+0007"),
        (GOOD.replace("Auth: verified", "Auth\u200b: verified"), 1, "U+200B"),
        (GOOD.replace("Auth: verified", r"\u202eAuth"), 1, "U+202E"),
        (GOOD + "# \u202e a comment that reads backwards\n", 16, "U+202E"),
    ],
)
def test_a_character_that_no_file_or_screen_can_hold_is_refused_by_its_number(text, line, says):
    found = problems(text)

    assert found.startswith(f"auth_verified.yaml:{line}: ")
    assert f"the character {says}, which cannot be seen. Remove it." in found
    assert found.isprintable()


@pytest.mark.parametrize("number", [".inf", "-.inf", ".NaN", "1e999", "1.0e+999", "1" + "0" * 400, "1" + "0" * 5_000])
def test_a_number_without_an_end_is_refused_in_one_sentence(number):
    found = problems(GOOD.replace("min: 2", f"min: {number}"))

    assert found.startswith("auth_verified.yaml:9: ")
    assert "\n" not in found
    assert "digits" in found
    assert len(found) < 200


@pytest.mark.parametrize(
    "name",
    [
        "{{ env_var('KEY') }}",
        "{% for x in y %}",
        "../../etc/passwd",
        "/etc/passwd",
        "..\\\\x",
        'a\\" or 1=1',
        "x'; --",
        "<b>",
    ],
)
def test_a_name_that_is_code_or_a_path_is_refused_in_a_sentence(name):
    for text, line in (
        (GOOD.replace("Auth: verified", name), 1),
        (CATEGORICAL.replace("name: delivery", f'name: "{name}"'), 5),
    ):
        found = problems(text)
        assert found.startswith(f"auth_verified.yaml:{line}: ")
        assert "Name it in plain words." in found


@pytest.mark.parametrize(
    "name", ["Caller's mood: calm", "Handoff / transfer", "Größe (in %)", "Held < 5 min...", "返金", "Q&A: 👩‍💻 asked?"]
)
def test_a_name_in_plain_words_of_any_language_loads(name):
    assert parse(GOOD.replace("Auth: verified", name)).name == name


def test_a_file_of_mistakes_is_told_the_first_twenty_and_how_many_more_there_are():
    found = problems("".join(f"key_{number}: 1\n" for number in range(2_000))).splitlines()

    assert len(found) == 21
    assert "and 1,983 problems more" in found[-1]
