# What is said of a site file that cannot be used: file, line, key and how to mend it.

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stemhouse.errors import InvalidSites
from stemhouse.settings import Settings
from stemhouse.sites.book import SiteBook, read_all
from stemhouse.sites.findings import Problem
from stemhouse.sites.loading import read_site
from stemhouse.sites.models import ModelShelf
from stemhouse.testing.sites import write_site

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
PRICE = {"usd": 400}
PACK = {"title": {"en": "Ten"}, "credits": 10, "prices": {"usd": 500, "eur": 500}}
SOLD = {"charges": True, "packs__ten": PACK}
Run = Callable[..., subprocess.CompletedProcess[str]]


def problems(tmp_path: Path, **changes: Any) -> list[Problem]:
    path = write_site(tmp_path / "sites", **changes)
    return list(read_site(path, ModelShelf(DATA)).problems)


def edited(tmp_path: Path, old: str, new: str) -> list[Problem]:
    path = write_site(tmp_path / "sites")
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    return list(read_site(path, ModelShelf(DATA)).problems)


def line_of(tmp_path: Path, text: str) -> int:
    lines = (tmp_path / "sites" / "default" / "site.toml").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_a_good_file_has_no_problems(tmp_path: Path) -> None:
    assert problems(tmp_path) == []
    assert problems(tmp_path, **SOLD) == []


def test_an_unknown_key_is_named_with_its_line_and_what_may_be_meant(tmp_path: Path) -> None:
    found = edited(tmp_path, 'unit = "second"', 'unit = "second"\nformat = ["mp3"]')

    assert [(one.key, one.line) for one in found] == [("format", line_of(tmp_path, "format ="))]
    assert found[0].mend == "did you mean formats?"


def test_a_key_that_is_missing_in_a_table_is_looked_for_at_the_table(tmp_path: Path) -> None:
    found = edited(tmp_path, "max_duration_s = 1200\n", "")

    place = [one for one in found if one.key == "plans.free.max_duration_s"]
    assert [one.message for one in place] == ["is missing"]
    assert place[0].line == line_of(tmp_path, '["plans"."free"]')
    assert "Longest song in seconds" in place[0].mend


def test_a_wrong_value_is_shown_with_what_was_expected(tmp_path: Path) -> None:
    found = edited(tmp_path, "max_duration_s = 1200", "max_duration_s = -3")

    assert (found[0].key, found[0].line) == (
        "plans.free.max_duration_s",
        line_of(tmp_path, "max_duration_s = -3"),
    )
    assert "greater than 0" in found[0].message
    assert "-3" in found[0].message


def test_a_colour_that_is_none_is_found_in_its_list(tmp_path: Path) -> None:
    found = edited(tmp_path, '"#15803d"', '"green"')

    assert [(one.key, one.line) for one in found] == [
        ("theme.stems.1", line_of(tmp_path, "stems ="))
    ]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('unit = "second"', "unit = second", "unit = second"),
        ('unit = "second"', 'unit = "second', 'unit = "second'),
    ],
)
def test_what_is_not_toml_is_found_at_its_line(
    old: str, new: str, line: str, tmp_path: Path
) -> None:
    found = edited(tmp_path, old, new)

    assert len(found) == 1
    assert "not TOML" in found[0].message
    assert found[0].line == line_of(tmp_path, line)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = write_site(tmp_path / "sites")
    path.write_bytes(b"\xff\xfe")

    assert "UTF-8" in read_site(path).problems[0].message


def test_lines_are_counted_past_long_texts_and_lists(tmp_path: Path) -> None:
    lead = 'lead = """\n[plans]\nfree = "no"  # = [\n"""'
    path = write_site(tmp_path / "sites")
    text = path.read_text().replace('lead = "Drop a song', lead + '\nbutton2 = "Drop', 1)
    path.write_text(text.replace('hosts = ["*"]', 'hosts = [ # all ]\n  "*",\n]', 1))

    found = read_site(path).problems

    assert [(one.key, one.line) for one in found] == [
        ("texts.en.button2", line_of(tmp_path, "button2"))
    ]


TINY = {"title": {"en": "All"}, "model": "tiny-2stems"}


@pytest.mark.parametrize(
    ("changes", "key", "message"),
    [
        ({"hosts": ["Acapella.example.org"]}, "hosts", "no host"),
        ({"hosts": ["https://a.example.org"]}, "hosts", "no host"),
        ({"languages": ["en", "de"]}, "texts", "'de'"),
        ({"languages": ["en", "de"]}, "plans.free.title", "'de'"),
        ({"outputs": [TINY | {"name": "a"}] * 2}, "outputs.1.name", "twice"),
        ({"outputs": [TINY | {"name": "a", "residual": True}]}, "outputs.0.residual", "left over"),
        ({"outputs": [TINY | {"name": "a", "model": "none"}]}, "outputs.0.model", "no model"),
        ({"outputs": [TINY | {"name": "a", "stems": ["tuba"]}]}, "outputs.0.stems", "'tuba'"),
        ({"screen": "single"}, "outputs.0", "single"),
        ({"plans__free": None}, "plans", "free is missing"),
        ({"plans__free__formats": ["mp3"], "formats": ["wav"]}, "plans.free.formats", "'mp3'"),
        ({"plans__free__qualities": ["nice"]}, "plans.free.qualities", "'nice'"),
        ({"theme__light__on_accent": "#6b85dd"}, "theme.light.on_accent", "1.9 : 1"),
        ({"theme__logo": "../logo.svg"}, "theme.logo", "SVG"),
        ({"theme__logo": "none.svg"}, "theme.logo", "SVG"),
        # money
        ({"charges": True}, "charges", "nothing to buy"),
        ({"packs__ten": PACK}, "packs", "does not charge"),
        (SOLD | {"plans__free__prices": {"monthly": PRICE}}, "plans.free.prices", "nothing"),
        (
            SOLD | {"plans__pro": {"title": {"en": "Pro"}, "max_duration_s": 9}},
            "plans.pro",
            "has no price",
        ),
        (
            SOLD | {"packs__five": PACK | {"prices": PRICE}},
            "packs.five.prices",
            "no price in eur",
        ),
        (
            {"charges": True, "packs__ten": PACK | {"prices": {"xyz": 500}}},
            "packs.ten.prices.xyz",
            "no currency 'xyz'",
        ),
        (
            {"charges": True, "packs__ten": PACK | {"prices": {"kwd": 1_505}}},
            "packs.ten.prices.kwd",
            "multiples of 10 alone",
        ),
        (
            {"charges": True, "packs__ten": PACK | {"prices": {"isk": 50}}},
            "packs.ten.prices.isk",
            "multiples of 100 alone",
        ),
        (
            {"charges": True, "packs__ten": PACK | {"prices": {"usd": 100_000_000}}},
            "packs.ten.prices.usd",
            "99999999",
        ),
        (
            {"charges": True, "packs__ten": PACK | {"credits": 10**12}},
            "packs.ten.credits",
            "1000000000",
        ),
        (
            {"charges": True, "packs__ten": PACK | {"expires_days": 10**9}},
            "packs.ten.expires_days",
            "36500",
        ),
        (SOLD | {"coupons__half": {"percent_off": 50}}, "coupons.half", "code"),
        (
            SOLD | {"coupons__HALF": {"percent_off": 50, "applies_to": ["none"]}},
            "coupons.HALF.applies_to",
            "'none'",
        ),
        (SOLD | {"packs__free": PACK}, "packs.free", "plan as well"),
        ({"multipliers": {"output": {"none": 2}}}, "multipliers.output.none", "'none'"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    changes: dict[str, Any], key: str, message: str, tmp_path: Path
) -> None:
    found = [one for one in problems(tmp_path, **changes) if one.severity == "error"]

    fitting = [one for one in found if one.key == key and message in one.message]
    assert fitting, [str(one) for one in found]
    assert all(one.mend and one.line > 0 for one in found)


def test_weights_that_may_not_be_sold_are_refused_where_money_is_taken(tmp_path: Path) -> None:
    models = tmp_path / "models"
    card = (DATA / "tiny-2stems" / "card.toml").read_text()
    (models / "tiny-2stems").mkdir(parents=True)
    text = card.replace("may_be_sold = true", "may_be_sold = false")
    (models / "tiny-2stems" / "card.toml").write_text(text)
    free, sold = write_site(tmp_path / "a"), write_site(tmp_path / "b", **SOLD)

    given = read_site(free, ModelShelf(models)).problems
    charged = read_site(sold, ModelShelf(models)).problems

    assert given == ()
    assert ["may not be sold" in one.message for one in charged] == [True]


def test_weights_that_are_not_installed_are_told_and_no_error(tmp_path: Path) -> None:
    outputs = [TINY | {"name": "four", "model": "spleeter-4stems"}]

    found = problems(tmp_path, outputs=outputs)

    assert [(one.severity, one.mend) for one in found] == [
        ("warning", "stemhouse models pull spleeter-4stems")
    ]
    assert read_site(tmp_path / "sites/default/site.toml", ModelShelf(DATA)).usable.outputs


def test_a_single_stem_may_come_with_what_it_is_compared_with(tmp_path: Path) -> None:
    outputs = [TINY | {"name": "voice", "stems": ["vocals"], "residual": True}]

    assert problems(tmp_path, screen="single", outputs=outputs) == []


def test_the_name_is_the_folders(tmp_path: Path) -> None:
    found = edited(tmp_path, 'name = "default"', 'name = "other"')

    assert [one.key for one in found] == ["name"]


def test_a_conflict_of_hosts_is_found_in_the_second_file(tmp_path: Path) -> None:
    write_site(tmp_path / "sites", "first", hosts=["a.example.org"])
    second = write_site(tmp_path / "sites", "second", hosts=["a.example.org"])

    _, found = read_all(tmp_path / "sites", None)

    assert [(one.file, one.key) for one in found] == [(second, "hosts")]


def test_a_service_does_not_start_with_a_file_that_is_wrong(tmp_path: Path) -> None:
    path = write_site(tmp_path / "sites", unit="hour")

    with pytest.raises(InvalidSites) as caught:
        SiteBook(lambda: tmp_path / "sites")

    line = line_of(tmp_path, "unit =")
    assert f"{path}:{line}: unit: " in str(caught.value)


def test_a_service_does_not_start_without_a_site(tmp_path: Path) -> None:
    with pytest.raises(InvalidSites, match="stemhouse sites new"):
        SiteBook(lambda: tmp_path)


# --- the commands --------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path) -> Run:
    ours = {name: text for name, text in os.environ.items() if not name.startswith("STEMHOUSE_")}
    environment = ours | {"STEMHOUSE_DATA_DIR": str(tmp_path), "STEMHOUSE_MODELS_DIR": str(DATA)}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "stemhouse", "sites", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    return run


def test_a_new_site_can_be_used_at_once(run: Run, tmp_path: Path) -> None:
    write_site(tmp_path / "sites")

    made = run("new", "choir", "--title", 'The "choir"')
    checked = run("check")
    listed = run("list", "--json")

    assert "http://choir.localhost:8000/" in made.stdout, made.stderr
    assert checked.returncode == 0, checked.stdout
    sites = [json.loads(line) for line in listed.stdout.splitlines()]
    assert {(one["name"], one["title"], one["address"]) for one in sites} == {
        ("choir", 'The "choir"', "http://choir.localhost:8000/"),
        ("default", "Stemhouse", "http://127.0.0.1:8000/"),
    }
    schema = json.loads((tmp_path / "sites" / "site.schema.json").read_text())
    assert "hosts" in schema["properties"]


def test_sites_are_where_the_service_was_told_to_keep_everything(run: Run, tmp_path: Path) -> None:
    write_site(tmp_path / "elsewhere" / "sites")
    there = ("--data-dir", str(tmp_path / "elsewhere"))

    made = run("new", "choir", *there)
    checked = run("check", *there)
    listed = run("list", "--json", *there)

    assert (tmp_path / "elsewhere" / "sites" / "choir" / "site.toml").exists(), made.stderr
    assert checked.returncode == 0, checked.stdout
    names = {json.loads(line)["name"] for line in listed.stdout.splitlines()}
    assert names == {"choir", "default"}


def test_what_a_new_site_leaves_out_can_be_put_in(run: Run, tmp_path: Path) -> None:
    write_site(tmp_path / "sites")
    run("new", "choir")
    path = tmp_path / "sites" / "choir" / "site.toml"
    text = path.read_text()
    # Whatever stands behind a # as TOML, and not as a sentence.
    lines = [
        re.sub(r"^# (?=[\[\]\w ]+ = |\[|  \[|\]$)", "", line)
        for line in text.splitlines(keepends=True)
    ]
    path.write_text("".join(lines).replace("charges = false", "charges = true"))

    checked = run("check")

    assert "[packs.ten]\ntitle" in path.read_text()
    assert checked.returncode == 0, checked.stdout


def test_a_site_is_not_written_over(run: Run, tmp_path: Path) -> None:
    path = write_site(tmp_path / "sites")
    before = path.read_text()

    again, odd = run("new", "default"), run("new", "../up")

    assert (again.returncode, odd.returncode) == (6, 2)
    assert path.read_text() == before


def test_checking_says_file_line_and_mend(run: Run, tmp_path: Path) -> None:
    path = write_site(tmp_path / "sites", unit="hour")

    answer = run("check")
    as_json = run("check", "--json")

    assert answer.returncode == as_json.returncode == 2
    line = line_of(tmp_path, "unit =")
    assert answer.stdout.startswith(f"error: {path}:{line}: unit: ")
    assert json.loads(as_json.stdout)["line"] == line


def test_the_page_and_the_schema_are_current() -> None:
    check = [sys.executable, "tools/sites.py", "--check"]

    answer = subprocess.run(check, cwd=ROOT, capture_output=True, text=True)

    assert answer.returncode == 0, answer.stderr


def test_the_installations_own_folder_counts_before_what_comes_along(tmp_path: Path) -> None:
    from stemhouse.sites.place import open_book

    settings = Settings(data_dir=tmp_path, models_dir=DATA)
    shipped = {site.name for site in open_book(settings).all()}
    write_site(tmp_path / "sites")

    assert "splitter" in shipped
    assert [site.name for site in open_book(settings).all()] == ["default"]
