# The pages of the sites that we bring, and of sites that others make.

from __future__ import annotations

import io
import json
import re
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image
from pydantic import SecretStr

from stemhouse.api.app import create_app
from stemhouse.pages.discovery import LISTED, LISTED_LEGAL
from stemhouse.pages.shells import SHELLS
from stemhouse.pages.theme import theme_css
from stemhouse.pages.wording import money
from stemhouse.settings import Settings
from stemhouse.sites.contrast import contrast
from stemhouse.sites.place import shipped_folder
from stemhouse.sites.schema import Palette, Theme
from stemhouse.testing.sites import write_site
from tests.service.browser import Browser

SITES = ["acapella", "karaoke", "splitter", "studio"]
PUBLIC = [*LISTED, *LISTED_LEGAL]
WORKING = [path.replace("{job_id}", "job_1") for path in SHELLS]
HTML = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def dialect() -> str:
    # Pages ask no more of a database than who is signed in; the accounts' tests run on both.
    return "sqlite"


@pytest.fixture
def sites_folder(settings: Settings) -> Path:
    folder = settings.data_dir / "sites"
    shutil.rmtree(folder)
    shutil.copytree(shipped_folder(), folder)
    return folder


@pytest.fixture
def client(sites_folder: Path, request: pytest.FixtureRequest) -> Iterator[TestClient]:
    app = request.getfixturevalue("app")
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


class Reader(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        return [a for t, a in self.tags if t == tag and wanted.items() <= a.items()]


def facts_of(text: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="page">(.*?)</script>', text)
    assert found is not None
    return dict(json.loads(found[1]))


@pytest.mark.parametrize("language", ["", "/de"])
@pytest.mark.parametrize("site", SITES)
def test_every_public_page_is_whole_and_says_what_it_is(
    site: str, language: str, client: TestClient
) -> None:
    titles = set()
    for path in PUBLIC:
        answer = client.get(f"/s/{site}{language}{path}")
        page = Reader(answer.text)

        assert answer.status_code == 200, path
        assert len(page.all("h1")) == 1
        assert page.all("html")[0]["lang"] == (language[1:] or "en")
        assert 40 <= len(page.all("meta", name="description")[0]["content"]) <= 160
        canonical = f"http://testserver/s/{site}{language}{path}"
        assert page.all("link", rel="canonical")[0]["href"] == canonical
        assert {one["hreflang"] for one in page.all("link", rel="alternate")} == {
            *("en", "de", "x-default")
        }
        assert page.all("meta", property="og:image")[0]["content"].startswith("http://testserver/")
        titles.add(re.search("<title>(.*?)</title>", answer.text)[1])  # type: ignore[index]
    assert len(titles) == len(PUBLIC)


@pytest.mark.parametrize("site", SITES)
def test_every_link_leads_somewhere(site: str, client: TestClient) -> None:
    begun, seen = [f"/s/{site}{path}" for path in (*PUBLIC, *WORKING)], set[str]()
    while begun:
        answer = client.get(path := begun.pop())
        assert answer.status_code == 200, path
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        page = Reader(answer.text)
        ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
        links = {a[name] for _, a in page.tags for name in ("href", "src") if name in a}
        for link in links:
            if link.startswith("#"):
                assert link[1:] in ids, link
            elif link.startswith("/"):
                assert link.startswith(f"/s/{site}/"), link
                if (plain := link.partition("#")[0]) not in seen:
                    seen.add(plain)
                    begun.append(plain)
            else:
                assert link.startswith(("mailto:", f"http://testserver/s/{site}/")), link


def test_browsers_may_run_our_own_scripts_alone(client: TestClient) -> None:
    for path in (*PUBLIC, *WORKING):
        check_scripts(client, path)


def check_scripts(client: TestClient, path: str) -> None:
    page = client.get(path)

    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    data = r'<script(?![^>]*(?:\bsrc=|type="application/(?:ld\+)?json"))'
    assert not re.search(data + r"|<[^>]+\son\w+=|<[^>]+\sstyle=|<style", page.text)


def test_pages_of_the_working_parts_are_not_for_search_engines(client: TestClient) -> None:
    pages = [Reader(client.get(path).text) for path in WORKING]

    assert all(page.all("meta", name="robots")[0]["content"] == "noindex" for page in pages)
    assert not any(page.all("link", rel="canonical") for page in pages)


def test_the_first_page_knows_who_is_signed_in(client: TestClient) -> None:
    browser = Browser(client)
    browser.sign_up("ada@example.org")

    page = browser.get("/")

    facts = facts_of(page.text)
    assert facts["visitor"] == {"kind": "user", "email": "ada@example.org"}
    assert facts["csrf_token"] == browser.csrf
    assert page.headers["cache-control"] == "no-store"
    assert "content-encoding" not in page.headers
    assert f'href="{facts["root"]}/account"' in page.text


def test_the_first_page_knows_guests(client: TestClient) -> None:
    browser = Browser(client)
    browser.post("/v1/session/guest")

    facts = facts_of(browser.get("/").text)

    assert facts["visitor"] == {"kind": "guest", "email": None}


def test_a_wrong_cookie_or_key_still_sees_the_page(client: TestClient) -> None:
    client.cookies.set("stemhouse_splitter_session", "made up")

    page = client.get("/", headers={"Authorization": "Bearer made-up"})

    assert page.status_code == 200
    assert facts_of(page.text)["visitor"] == {"kind": "nobody", "email": None}


def test_names_of_people_are_no_markup(client: TestClient) -> None:
    browser = Browser(client)
    browser.sign_up('"a</script><b>&c"@example.org')

    page = browser.get("/")

    assert "<b>" not in page.text
    assert len(re.findall("</script>", page.text)) == len(re.findall("<script", page.text))


def test_a_browser_is_led_to_the_language_that_it_prefers(client: TestClient) -> None:
    german = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}

    led = client.get("/prices?from=mail", headers=german, follow_redirects=False)
    asked_for = client.get("/de/prices", headers={"Accept-Language": "en"}, follow_redirects=False)
    without = client.get("/prices", headers={"Accept-Language": "fr"}, follow_redirects=False)

    assert (led.status_code, led.headers["location"]) == (302, "/de/prices?from=mail")
    assert "Accept-Language" in led.headers["vary"]
    assert (asked_for.status_code, without.status_code) == (200, 200)


def test_a_choice_of_language_is_remembered(client: TestClient) -> None:
    chosen = client.get("/de/help?lang=en", follow_redirects=False)
    later = client.get("/help", headers={"Accept-Language": "de"}, follow_redirects=False)

    assert (chosen.status_code, chosen.headers["location"]) == (303, "/help")
    assert later.status_code == 200


def test_the_usual_language_has_one_address(client: TestClient) -> None:
    moved = client.get("/en/prices", follow_redirects=False)

    assert (moved.status_code, moved.headers["location"]) == (308, "/prices")


@pytest.mark.parametrize("path", ["//evil.example/?lang=de", "/de//evil.example/?lang=en"])
def test_choosing_a_language_leads_to_no_other_server(path: str, client: TestClient) -> None:
    answer = client.get(f"http://testserver{path}", follow_redirects=False)

    location = answer.headers.get("location", "/")
    assert location.startswith("/")
    assert not location.startswith("//")


def test_languages_that_a_site_does_not_speak_have_no_pages(
    sites_folder: Path, client: TestClient
) -> None:
    write_site(sites_folder, "english", hosts=[])

    assert wait_for_site(client, "english").get("/s/english/de/").status_code == 404


def wait_for_site(client: TestClient, name: str) -> TestClient:
    # The folder is looked at once a second.
    client.app.state.services.sites._looked_at = 0.0  # type: ignore[attr-defined]
    assert client.get(f"/s/{name}/").status_code == 200
    return client


def test_the_sitemap_lists_every_public_page_in_every_language(client: TestClient) -> None:
    root = ET.fromstring(client.get("/s/karaoke/sitemap.xml").text)

    listed = [
        one.text or "" for one in root.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")
    ]
    assert len(listed) == 2 * len(PUBLIC)
    for address in listed:
        assert client.get(address.removeprefix("http://testserver")).status_code == 200


def test_robots_are_told_what_is_not_for_them(client: TestClient) -> None:
    text = client.get("/robots.txt").text

    assert "Disallow: /library" in text
    assert "Sitemap: http://testserver/sitemap.xml" in text


@pytest.mark.parametrize("site", SITES)
def test_every_site_has_a_picture_for_shared_links_and_an_icon(
    site: str, client: TestClient
) -> None:
    pictures = [client.get(f"/s/{site}/picture-{one}.png").content for one in ("en", "de")]
    icon = client.get(f"/s/{site}/icon.png").content

    assert [Image.open(io.BytesIO(one)).size for one in pictures] == [(1200, 630)] * 2
    assert pictures[0] != pictures[1]
    assert Image.open(io.BytesIO(icon)).size == (180, 180)
    assert client.get(f"/s/{site}/picture-fr.png").status_code == 404


def test_a_site_with_a_name_that_no_font_has_gets_a_picture_too(
    sites_folder: Path, client: TestClient
) -> None:
    write_site(
        sites_folder,
        "fifth",
        hosts=[],
        title="فصل الأغاني 🎤",
        texts__en__tagline="🎤 " * 60,
    )

    picture = wait_for_site(client, "fifth").get("/s/fifth/picture-en.png")

    assert Image.open(io.BytesIO(picture.content)).size == (1200, 630)


def test_whatever_a_site_chooses_can_be_read() -> None:
    dull = Palette(
        accent="#cccc66",
        on_accent="#000000",
        background="#f2f2e6",
        surface="#ffffff",
        text="#222211",
    )
    theme = Theme(light=dull, dark=dull, logo="logo.svg", stems=("#f0f0e0", "#cccc66"))

    sheet = theme_css(theme)

    colours = dict(re.findall(r"--([a-z0-9-]+):(#[0-9a-f]{6})", sheet))
    for name in ("muted", "link", "danger", "success", "text"):
        assert contrast(colours[name], colours["background"]) >= 4.5, name
        assert contrast(colours[name], colours["surface"]) >= 4.5, name
    for name in ("edge", "stem-0", "stem-1", "focus"):
        assert contrast(colours[name], colours["surface"]) >= 3, name


def test_legal_pages_tell_the_limits_that_hold(sites_folder: Path, client: TestClient) -> None:
    write_site(
        sites_folder,
        "short",
        hosts=[],
        plans__free__retention_s=259_200,
        plans__free__max_duration_s=420,
        operator__name="Small & Sons",
    )
    wait_for_site(client, "short")

    texts = {name: unescape(client.get(f"/s/short/{name}").text) for name in ("terms", "privacy")}

    for text in texts.values():
        assert "3\N{NO-BREAK SPACE}days" in text
        assert "Small & Sons" in text
        assert "{{" not in text
    assert "7\N{NO-BREAK SPACE}minutes" in texts["terms"]
    assert "Stripe" not in texts["terms"] + texts["privacy"]
    assert "keyed hash" in texts["privacy"]


def test_the_privacy_page_tells_of_the_hash_where_credits_are_free(
    sites_folder: Path, client: TestClient
) -> None:
    write_site(sites_folder, "none", hosts=[], plans__free__credits_at_sign_up=0)
    wait_for_site(client, "none")

    pages = [client.get(f"/s/{path}privacy").text for path in ("studio/", "studio/de/", "none/")]

    english, german, without = map(unescape, pages)
    assert "keyed hash" in english
    assert "Prüfsumme auf, damit jede Adresse es einmal bekommt" in german
    assert "keyed hash" not in without


def test_prices_come_from_the_site_file(client: TestClient) -> None:
    english = client.get("/s/studio/prices").text
    german = unescape(client.get("/s/studio/de/prices").text)

    assert "<strong>$4</strong>" in english
    assert "or $40 a year" in english
    assert "<strong>4\N{NO-BREAK SPACE}€</strong>" in german
    assert "20\N{NO-BREAK SPACE}minutes" in english


def test_formats_and_qualities_are_told_by_name_and_in_order(client: TestClient) -> None:
    english = client.get("/s/splitter/prices").text
    german = client.get("/s/splitter/de/prices").text

    assert "MP3, WAV, FLAC, M4A, Ogg, and Opus" in english
    assert "MP3, WAV, FLAC, M4A, Ogg und Opus" in german
    assert "fast, standard, and best" in english


@pytest.mark.parametrize(
    ("currency", "amount", "english", "german"),
    [
        ("jpy", 700, "¥700", "700\N{NO-BREAK SPACE}¥"),
        ("usd", 1_234_500, "$12,345", "12.345\N{NO-BREAK SPACE}$"),
        ("kwd", 1_500, "KWD\N{NO-BREAK SPACE}1.500", "1,500\N{NO-BREAK SPACE}KWD"),
        # Stripe takes hundredths of it, which nobody prints.
        ("isk", 50_000, "ISK\N{NO-BREAK SPACE}500", "500\N{NO-BREAK SPACE}ISK"),
    ],
)
def test_prices_have_the_decimals_of_their_currency(
    currency: str, amount: int, english: str, german: str
) -> None:
    assert money(amount, currency, "en") == english
    assert money(amount, currency, "de") == german


def test_an_address_without_a_page_gets_one_in_a_browser(client: TestClient) -> None:
    page = client.get("/s/studio/de/nothing", headers=HTML)
    program = client.get("/s/studio/de/nothing")
    api = client.get("/v1/nothing", headers=HTML)

    assert page.status_code == 404
    assert "Hier spielt nichts" in page.text
    assert "Stemdesk" in page.text
    assert program.json()["error"]["code"] == "not_found"
    assert api.json()["error"]["code"] == "not_found"


def test_an_address_without_a_page_answers_in_the_visitors_language(client: TestClient) -> None:
    preferred = client.get("/s/studio/nothing", headers=HTML | {"Accept-Language": "de"})
    in_the_path = client.get("/s/studio/de/nothing", headers=HTML | {"Accept-Language": "en"})
    usual = client.get("/s/studio/nothing", headers=HTML)

    assert "Hier spielt nichts" in preferred.text
    assert "Hier spielt nichts" in in_the_path.text
    assert "Nothing plays here" in usual.text


def test_our_own_failures_have_a_page_with_the_number_of_the_request(client: TestClient) -> None:
    def fail() -> None:
        raise RuntimeError("a fault that nobody expected")

    client.app.add_api_route("/broken", fail)  # type: ignore[attr-defined]

    page = client.get("/broken", headers=HTML)
    program = client.get("/broken")

    assert page.status_code == program.status_code == 500
    assert page.headers["x-request-id"] in page.text
    assert program.json()["error"]["code"] == "internal_error"


def test_the_reference_holds_every_operation_of_the_document(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    page = Reader(client.get("/developers/reference").text)

    operations = [one for path in document["paths"].values() for one in path.values()]
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert {one["operationId"] for one in operations} <= set(ids)
    assert len(ids) == len(set(ids))


def test_the_reference_is_where_documents_are_looked_for(client: TestClient) -> None:
    moved = client.get("/s/studio/docs", follow_redirects=False)

    assert moved.headers["location"] == "/s/studio/developers/reference"


@pytest.mark.parametrize("part", ["song", "vocals", "accompaniment"])
def test_the_example_can_be_played_from_anywhere(part: str, client: TestClient) -> None:
    whole = client.get(f"/s/splitter/example/{part}.m4a")
    piece = client.get(f"/s/splitter/example/{part}.m4a", headers={"Range": "bytes=100-199"})

    assert whole.headers["content-type"] == "audio/mp4"
    assert (piece.status_code, piece.content) == (206, whole.content[100:200])


def test_the_example_is_a_result_that_players_read(client: TestClient) -> None:
    below = "/s/studio/example/stems/"

    manifest = client.get(f"{below}manifest.json").json()

    assert manifest["complete"]
    assert len(manifest["stems"]) == 2
    for stem in manifest["stems"]:
        segments = [client.get(below + one["name"]) for one in stem["segments"]]
        assert {answer.headers["content-type"] for answer in segments} == {"audio/flac"}
        assert sum(one["length_samples"] for one in stem["segments"]) == manifest["length_samples"]
        assert client.get(below + stem["waveform"]["name"]).content.startswith(b"SHWF")


def test_the_example_has_no_other_files(client: TestClient) -> None:
    assert client.get("/example/waves.m4a").status_code == 404
    assert client.get("/example/stems/../waves.json").status_code == 404
    assert client.get("/example/stems/other.json").status_code == 404
    assert client.get("/example/..%2Fexample%2Fsong.m4a").status_code == 404


def test_pages_travel_compressed_to_who_can_read_that(client: TestClient) -> None:
    packed = client.get("/", headers={"Accept-Encoding": "gzip"})
    plain = client.get("/", headers={"Accept-Encoding": "identity"})

    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text == plain.text
    assert int(packed.headers["content-length"]) < len(plain.content) / 2


def test_a_logo_draws_and_does_nothing_else(client: TestClient) -> None:
    logo = client.get("/logo.svg")

    assert logo.headers["content-type"] == "image/svg+xml"
    assert "default-src 'none'" in logo.headers["content-security-policy"]


REPORT = {
    "name": "Ada Example",
    "email": "ada@example.org",
    "role": "owner",
    "work": "Ada Example: First Light (2019)",
    "place": "https://studio.example.org/songs/job_1",
    "statement": "I wrote it & gave <no> licence.",
    "true_and_entitled": "true",
}


def test_a_recording_is_reported_without_a_script(client: TestClient) -> None:
    answer = client.post("/s/studio/de/takedown", data=REPORT)

    assert answer.status_code == 200
    assert re.search(r"Ihre Nummer ist tkd_\w+\. Wir antworten an ada@example\.org", answer.text)


def test_a_report_that_is_not_whole_comes_back_as_it_was_written(client: TestClient) -> None:
    answer = client.post("/takedown", data=REPORT | {"email": "nobody", "true_and_entitled": ""})

    page = Reader(answer.text)
    assert answer.status_code == 422
    assert page.all("input", name="email")[0]["aria-invalid"] == "true"
    assert page.all("input", name="name")[0]["value"] == "Ada Example"
    assert "&lt;no&gt; licence" in answer.text


def test_another_servers_page_cannot_report_for_somebody(client: TestClient) -> None:
    answer = client.post("/takedown", data=REPORT, headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 403


def test_nothing_is_for_sale_without_a_key_for_payments(client: TestClient) -> None:
    browser = Browser(client)
    browser.sign_up("ada@example.org")

    page = browser.get("/prices")

    assert "<buy-button" not in page.text
    assert "Nothing can be bought here yet" in page.text


def test_whoever_is_signed_in_can_buy_where_payments_are_open(
    settings: Settings, sites_folder: Path
) -> None:
    selling = settings.model_copy(update={"stripe_secret_key": SecretStr("sk_test_of_nobody")})
    with TestClient(create_app(selling), raise_server_exceptions=False) as client:
        nobody = Reader(client.get("/s/studio/prices").text)
        browser = Browser(client)
        browser.sign_up("ada@example.org")
        buttons = Reader(browser.get("/prices").text).all("buy-button")

    assert [one["data-item"] for one in buttons] == ["ten", "forty", "hundred"]
    assert {one["data-currency"] for one in buttons} == {"usd"}
    assert nobody.all("a", href="/s/studio/sign-in?next=/s/studio/prices")
