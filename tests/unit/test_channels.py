"""The channels file: what it may say, and how it is refused without a word of its secrets."""

from pathlib import Path

import pytest

from activities.channels import Channels, load_channels
from activities.senders import service_at
from domain.roles import Role
from policy.faults import ProfileErrors

# apprise looks for a module that Python 3.13 no longer has.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DESK = "channels:\n  desk:\n    roles: all\n    "


def load(tmp_path: Path, text: str) -> Channels:
    path = tmp_path / "channels.yaml"
    path.write_text(text, encoding="utf-8")
    return load_channels(path)


def faults(tmp_path: Path, text: str) -> str:
    with pytest.raises(ProfileErrors) as found:
        load(tmp_path, text)
    return str(found.value).replace(f"{tmp_path}/", "")


def test_without_a_file_the_log_takes_every_notice() -> None:
    channels = load_channels(None)

    assert channels.wanting(Role.LEADERSHIP, "window_breach") == [("log", None)]


def test_the_example_file_tells_every_role_of_a_breach_somewhere() -> None:
    channels = load_channels(EXAMPLES / "channels.yaml")

    assert set(channels.named) == {"workshop", "management", "crm"}
    assert all(channels.wanting(role, "window_breach") for role in Role)


@pytest.mark.parametrize(
    "url",
    [
        "wecombot://abcd-1234",
        "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=abcd-1234",
        "dingtalk://abc123",
        "dingtalk://SECabc@abc123",
        "feishu://abc-123",
        "mailtos://user:password@smtp.example.com?from=a@example.com&to=b@example.com",
        "jsons://host.example.com/path",
        "json://127.0.0.1:8080/path",
    ],
)
def test_the_addresses_that_the_example_file_shows_are_taken(url: str) -> None:
    assert service_at(url) is not None


def test_an_address_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "desk.secret").write_text("feishu://abc-123\n")

    channels = load(tmp_path, f"{DESK}url_file: desk.secret")

    assert channels.wanting(Role.SALES, "task_opened") == [("desk", None)]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            DESK + "url: fishu://s3cret",
            "channels.yaml:4:5: channels.desk.url: fishu:// is unknown to apprise; write one such",
        ),
        (DESK + "url: wecombot://", "url: is no complete wecombot:// address; see the example"),
        (DESK + "url: https://h/s3cret", "url: https:// is no service by itself; for a webhook"),
        (DESK + "url: s3cret", "url: is no address; write one such as wecombot://KEY"),
        (DESK + "url: [s3cret]", "url: should be a text; write a text"),
        (DESK + "language: zh", "channels.desk: needs exactly one of url and url_file; write"),
        (DESK + "url_file: gone", "url_file: gone cannot be read (FileNotFoundError); create it"),
        (DESK + "url: log\n    lang: zh", "5:5: channels.desk.lang: is not known here; did you"),
        (DESK + "url: log\n    language: de", "'de' is unknown; write one of both, en, zh"),
        (DESK + "url: log\n    digest: 30", "digest: is no length of time; write one such as 30m"),
        (DESK + "url: log\n    digest: 48h", "digest: is longer than a day; write one such as"),
        (DESK + "url: log\n    kinds: [windw]", "kinds[0]: no notice is about 'windw'; write one"),
        ("channels:\n  desk: {url: log}", "desk.roles: is missing; write roles: all, or a list"),
        (
            "channels:\n  desk: {url: log, roles: [slaes]}",
            "'slaes' is unknown; did you mean sales?",
        ),
        ("channels:\n  log: {url: log, roles: all}", "channels.log: is no name for a channel; wri"),
        ("channels:\n  desk: log", "channels.desk: should be fields with names; see examples/"),
        ("channels: {}", "channels: is empty; write at least one"),
        ("", "channels.yaml:1:1: is no channels file; begin with `channels:`"),
        ("canals: {}", "canals: is not known here; did you mean channels?"),
    ],
)
def test_a_fault_says_where_it_is_and_what_would_be_right(
    tmp_path: Path, wrong: str, said: str
) -> None:
    found = faults(tmp_path, wrong)

    assert said in found
    assert "s3cret" not in found


def test_a_family_of_kinds_takes_each_of_them(tmp_path: Path) -> None:
    channels = load(tmp_path, f"{DESK}url: log\n    kinds: [window, order_completed]")

    assert channels.wanting(Role.SALES, "window_warning") == [("desk", None)]
    assert channels.wanting(Role.SALES, "order_completed") == [("desk", None)]
    assert channels.wanting(Role.SALES, "order_cancelled") == [("log", None)]
