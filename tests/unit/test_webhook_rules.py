"""The rules of webhooks by themselves: addresses, waits, secrets, and what an event may say."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.story_kinds import ALL_TYPES, EVENT_TYPES, NOTED, event_facts, event_type
from domain.webhooks import (
    JITTER,
    ROTATION,
    WAITS,
    is_public,
    payload,
    retry_in,
    secret_of,
    signing_secrets,
    url_fault,
)

KEY = "k" * 32
NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://erp.example.com/dueline?token=x", None),
        ("https://93.184.215.14:8443/hook", None),
        ("http://erp.example.com/", "is not encrypted"),
        ("ftp://erp.example.com/", "is not encrypted"),
        ("http://127.0.0.1:9000/", "is not encrypted"),
        ("https://127.0.0.1/", "leads into a private network"),
        ("https://localhost/", "leads into a private network"),
        ("https://10.1.2.3/", "leads into a private network"),
        ("https://[::1]/", "leads into a private network"),
        ("https://[::ffff:10.0.0.1]/", "leads into a private network"),
        ("https://169.254.169.254/latest/meta-data", "leads into a private network"),
        ("https://user:secret@erp.example.com/", "holds a user or a password"),
        ("https://erp.example.com/#part", "holds a fragment"),
        ("https://", "is no address"),
        ("https://erp.example.com:99999/", "is no address"),
        ("https://erp.example.com:0/", "is no address"),
        ("https://[::1/", "is no address"),
        ("https://erp.example.com/a b", "is no address"),
        ("https://erp.example.com/\n", "is no address"),
        ("https://例え.example/", "is no address"),
        ("https://erp.example.com/" + "x" * 500, "is no address"),
        ("erp.example.com", "is no address"),
    ],
)
def test_an_address_is_encrypted_and_outside_or_refused_with_the_cure(
    url: str, fault: str | None
) -> None:
    found = url_fault(url, private=False)

    assert (found and found.partition(";")[0][: len(fault or "")]) == fault
    assert found is None or "; " in found


def test_only_a_setting_lets_addresses_lead_inside_and_only_loopback_goes_without_tls() -> None:
    assert url_fault("http://127.0.0.1:9000/", private=True) is None
    assert url_fault("https://10.1.2.3/", private=True) is None
    assert url_fault("http://10.1.2.3/", private=True) is not None


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:192.168.0.1",
        "2002:7f00:1::",
        "64:ff9b::a00:1",
    ],
)
def test_no_disguise_makes_an_inner_address_public(address: str) -> None:
    assert not is_public(address)


def test_what_lies_in_the_internet_is_public() -> None:
    assert is_public("93.184.215.14")
    assert is_public("2606:2800:21f:cb07:6820:80da:af6b:8b2c")
    assert is_public("64:ff9b::5db8:d70e")


@given(st.integers(0, 10_000), st.floats(0, 1), st.integers(0, 1_000_000))
def test_a_wait_grows_and_jitters_within_a_fifth(failures: int, chance: float, asked: int) -> None:
    wait = retry_in(failures, chance)
    nominal = WAITS[min(failures, len(WAITS) - 1)]

    assert nominal * (1 - JITTER) - timedelta(milliseconds=1) <= wait
    assert wait <= nominal * (1 + JITTER) + timedelta(milliseconds=1)
    wished = retry_in(failures, chance, timedelta(seconds=asked))
    assert wait <= wished <= max(wait, WAITS[-1])


def test_three_days_are_at_least_twenty_tries() -> None:
    waited, tries = timedelta(0), 0
    while waited < timedelta(days=3):
        waited += retry_in(tries, 1.0)
        tries += 1

    assert 20 <= tries <= 40


def test_secrets_differ_by_endpoint_generation_and_key_and_both_sign_for_a_day() -> None:
    secrets = {
        secret_of(key, of, number) for key in (KEY, KEY + "2") for of in "ab" for number in (1, 2)
    }
    assert len(secrets) == 8
    assert all(secret.startswith("whsec_") and len(secret) == 50 for secret in secrets)

    newest, before = secret_of(KEY, "a", 3), secret_of(KEY, "a", 2)
    just_before = NOW + ROTATION - timedelta(seconds=1)
    assert signing_secrets(KEY, "a", 3, NOW, just_before) == (newest, before)
    assert signing_secrets(KEY, "a", 3, NOW, NOW + ROTATION) == (newest,)
    assert signing_secrets(KEY, "a", 1, None, NOW) == (secret_of(KEY, "a", 1),)


def test_an_event_quotes_nobody_and_an_unknown_kind_is_not_lost() -> None:
    data = {"note": "call Wang Fang", "by": "Wang Fang", "rule": "S08.W02", "visit": 1}

    facts = event_facts("window_breach", "confirm", data)

    assert facts == {"kind": "window_breach", "step": "confirm", "rule": "S08.W02", "visit": 1}
    assert event_type("window_breach") == "order.window_breached"
    assert event_type("something_new") == NOTED
    assert event_facts("something_new", None, {}) == {"kind": "something_new"}
    assert event_facts("case_cause_opened", None, {}) is None
    assert event_facts("window_warning", None, {"window": "case-x/cause"}) is None
    assert len(ALL_TYPES) == len(EVENT_TYPES) + 1


def test_a_body_is_the_same_text_however_its_fields_came() -> None:
    assert payload({"b": 1, "a": {"d": "盛", "c": None}}) == '{"a":{"c":null,"d":"盛"},"b":1}'
