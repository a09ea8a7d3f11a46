from email.message import Message

import pytest

from fluorojax.viewer.guard import HEADER, MOST, length_of, refusal

GOOD = {"Host": "127.0.0.1:8000", HEADER: "secret"}


def headers(**changed):
    found = Message()
    for name, value in {**GOOD, **{k.replace("_", "-"): v for k, v in changed.items()}}.items():
        if value is not None:
            found[name] = value
    return found


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"Host": "localhost:8000"},
        {"Origin": "http://127.0.0.1:8000"},
        {"Referer": "http://localhost:8000/?token=secret"},
        {"Sec_Fetch_Site": "same-origin"},
    ],
)
def test_the_page_may_ask(changed):
    assert refusal(headers(**changed), 8000, "secret", "") == ""


@pytest.mark.parametrize(
    "changed",
    [
        {"Host": None},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:8001"},
        {"Host": "evil.example:8000"},
        {"Host": "127.0.0.1.evil.example:8000"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "https://127.0.0.1:8000"},
        {"Origin": "http://127.0.0.1:9000"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:8000@evil.example"},
        {"Origin": "http://[::1"},
        {"Referer": "http://evil.example/127.0.0.1:8000"},
        {"Referer": "http://127.0.0.1:x/"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {HEADER: None},
        {HEADER: "secre"},
        {HEADER: "secrets"},
        {HEADER: "sécret"},
    ],
)
def test_nobody_else_may(changed):
    assert refusal(headers(**changed), 8000, "secret", "")


def test_a_second_host_is_refused():
    found = headers()
    found["Host"] = "evil.example:8000"
    assert refusal(found, 8000, "secret", "")


def test_the_token_of_the_address_counts():
    assert refusal(headers(**{HEADER: None}), 8000, "secret", "secret") == ""
    assert refusal(headers(**{HEADER: None}), 8000, "secret", "other")
    # The browser comes from a file of ours, which is another site to it.
    assert refusal(headers(Sec_Fetch_Site="cross-site"), 8000, "secret", "secret") == ""


@pytest.mark.parametrize(
    ("text", "length"),
    [("12", 12), ("0", 0), (str(MOST), MOST), (str(MOST + 1), None), ("-1", None), ("", None)],
)
def test_the_length_of_a_body(text, length):
    found = Message()
    found["Content-Length"] = text
    assert length_of(found) == length


def test_a_body_in_pieces_has_no_length():
    found = Message()
    found["Content-Length"], found["Transfer-Encoding"] = "3", "chunked"
    assert length_of(found) is None
