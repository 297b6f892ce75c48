"""A folder of definitions: one bad file never hides the good ones."""

from __future__ import annotations

import os

import pytest
from read_only import unreadable

from metrics_pipeline.errors import DataFolderError, DefinitionError, SettingsError
from metrics_pipeline.metrics.catalog import load_catalog, metric_rows

GOOD = "name: {name}\ntype: boolean\ndefinition: It happened.\n"


def test_good_files_load_beside_bad_ones(tmp_path):
    (tmp_path / "a.yaml").write_text(GOOD.format(name="A"))
    (tmp_path / "b.yaml").write_text("type: nothing\n")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "c.yml").write_text(GOOD.format(name="C"))

    catalog = load_catalog(tmp_path)

    assert [metric.key for metric in catalog.definitions] == ["a", "c"]
    assert {problem.file.name for problem in catalog.problems} == {"b.yaml"}
    with pytest.raises(DefinitionError, match=r"b.yaml:1"):
        catalog.require_sound()


@pytest.mark.parametrize(("file", "name", "says"), [("z/a.yaml", "Z", "key 'a'"), ("z.yaml", "a", "name 'a'")])
def test_of_two_files_with_one_key_or_name_the_second_is_refused(tmp_path, file, name, says):
    (tmp_path / "z").mkdir()
    (tmp_path / "a.yaml").write_text(GOOD.format(name="A"))
    (tmp_path / file).write_text(GOOD.format(name=name))

    catalog = load_catalog(tmp_path)

    assert len(catalog.definitions) == 1
    assert says in str(catalog.problems[0])
    assert "a.yaml" in str(catalog.problems[0])


def test_what_is_no_file_of_this_folder_is_named_in_a_line_and_hides_nothing(tmp_path):
    folder, elsewhere = tmp_path / "definitions", tmp_path / "elsewhere.yaml"
    (folder / "a_folder.yaml").mkdir(parents=True)
    elsewhere.write_text(GOOD.format(name="Elsewhere"))
    (folder / "good.yaml").write_text(GOOD.format(name="Good"))
    (folder / "a_folder.yaml" / "within.yaml").write_text(GOOD.format(name="Within"))
    (folder / "a_link.yaml").symlink_to(elsewhere)
    (folder / "a_lost_link.yaml").symlink_to(folder / "nothing.yaml")
    (folder / "a_circle.yaml").symlink_to(folder / "a_circle.yaml")
    (folder / "an_alias_to.yaml").symlink_to("/dev/zero")
    os.mkfifo(folder / "a_pipe.yaml")
    os.write(os.open(os.fsencode(folder) + b"/b\xff\x1b[31m.yaml", os.O_CREAT | os.O_WRONLY), b"x")
    (folder / "c\n.yaml").write_text(GOOD.format(name="C"))

    catalog = load_catalog(folder)

    assert [metric.key for metric in catalog.definitions] == ["good", "within"]
    found = [str(problem).removeprefix(f"{folder}/") for problem in catalog.problems]
    assert [problem.partition(".yaml: ")[0] for problem in found] == [
        "a_circle",
        "a_folder",
        "a_link",
        "a_lost_link",
        "a_pipe",
        "an_alias_to",
        "b\\udcff\\x1b[31m",
        "c\\n",
    ]
    assert all(problem.isprintable() for problem in found)
    for place, says in ((0, "a link that leads to no file"), (1, "a folder"), (2, "out of the folder"), (4, "a pipe")):
        assert says in found[place]


def test_a_link_within_the_folder_is_followed(tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text(GOOD.format(name="A"))
    (tmp_path / "a.yaml").symlink_to(tmp_path / "texts" / "a.txt")

    assert [metric.name for metric in load_catalog(tmp_path).definitions] == ["A"]


def test_names_that_differ_in_case_or_width_alone_are_one_name(tmp_path):
    (tmp_path / "a.yaml").write_text(GOOD.format(name="Booked"))
    (tmp_path / "b.yaml").write_text(GOOD.format(name="ＢＯＯＫＥＤ"))

    (problem,) = load_catalog(tmp_path).problems
    assert "is taken by" in problem.message


def test_a_missing_and_an_empty_folder_say_what_to_do(tmp_path):
    with pytest.raises(SettingsError, match="is not a folder"):
        load_catalog(tmp_path / "nowhere")
    with pytest.raises(SettingsError, match="holds no definition"):
        load_catalog(tmp_path)


def test_a_row_says_what_the_rate_counts_and_which_way_is_better(tmp_path):
    (tmp_path / "a.yaml").write_text(GOOD.format(name="A") + "good: false\n")
    (tmp_path / "b.yaml").write_text(
        "name: B\ntype: categorical\ndefinition: x\nlabels: [{name: p, when: q}, {name: r, when: s}]\n"
    )
    (tmp_path / "c.yaml").write_text(
        "name: C\ntype: categorical\ndefinition: x\n"
        "labels: [{name: p, when: q, outcome: success}, {name: r, when: s}]\n"
    )
    (tmp_path / "d.yaml").write_text(GOOD.format(name="D"))

    rows = {
        row["metric"]: (row["rate_of"], row["good_direction"], row["rate_floor"])
        for row in metric_rows(load_catalog(tmp_path).definitions, 7)
    }

    assert rows == {
        "a": ("true", "down", 7),
        "b": (None, "none", 7),
        "c": ("success", "up", 7),
        "d": ("true", "none", 7),
    }


def test_a_folder_that_nobody_may_open_is_named_and_its_metrics_do_not_count_as_removed(tmp_path):
    (tmp_path / "a.yaml").write_text(GOOD.format(name="A"))
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.yaml").write_text(GOOD.format(name="B"))

    with unreadable(tmp_path / "deep"), pytest.raises(DataFolderError, match="deep: cannot be written or read"):
        load_catalog(tmp_path)
