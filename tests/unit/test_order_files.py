"""Order files: what a good one becomes, and what is said about a bad one."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.orders import OrderRequest
from ops import client
from ops.client import KEY_REUSED, Api, ApiUnreachable
from ops.commands_orders import _pairs, _stage
from ops.intake_files import COLUMNS, Draft, promised, read_orders
from ops.intake_places import FileFaults, JsonPlaces, csv_rows
from ops.order_tables import short
from ops.submitting import Submission
from policy.calendars import calendar

EXAMPLES = Path(__file__).parents[2] / "examples"
MUSEUM = EXAMPLES / "orders" / "01-museum-blue-green-panels.json"
SHEET = EXAMPLES / "orders.csv"
DAYS = calendar("cn")
SUNDAY = datetime(2026, 11, 22, 4, 41, tzinfo=UTC)
API = "http://127.0.0.1:8000"


def read(path: Path, now: datetime = SUNDAY) -> list[Draft]:
    return read_orders(path, DAYS, now)


def faults(tmp_path: Path, name: str, content: str | bytes) -> list[str]:
    """What is said about a file of this content, without the folder."""
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(FileFaults) as found:
        read(path)
    return [str(fault).removeprefix(f"{tmp_path}/") for fault in found.value.faults]


def sheet(*changes: tuple[str, str]) -> str:
    """The example sheet with texts replaced, each once."""
    text = SHEET.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def museum(*changes: tuple[str, str]) -> str:
    """The first example order with texts replaced, each once."""
    text = MUSEUM.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def test_every_example_is_an_order_with_an_instant_as_its_promise() -> None:
    files = [*sorted((EXAMPLES / "orders").glob("*.json")), SHEET]

    drafts = [draft for file in files for draft in read(file)]

    orders = [OrderRequest.model_validate(draft.body) for draft in drafts]
    assert len(orders) == 32
    assert all(order.promised_at.tzinfo is not None for order in orders)
    assert len({draft.key for draft in drafts}) == 32


def test_a_row_of_the_sheet_becomes_the_whole_order() -> None:
    body = read(SHEET)[0].body

    assert body["contact"] == {"name": "He Jun 贺军", "phone": "+86-555-0100-0303"}
    assert body["deliver_to"]["name"] == "Northgate works, gate B"
    assert body["lines"][0]["quantity"] == 20
    assert body["lines"][0]["unit_price"] == "40.00"
    assert body["rush"] is True
    assert body["special"] is False


def test_an_empty_cell_leaves_the_field_out() -> None:
    assert "remarks" not in read(SHEET)[2].body


@pytest.mark.parametrize(
    ("now", "text", "closing"),
    [
        ("2026-11-22T12:41+08:00", "+1wd", "2026-11-23T18:00+08:00"),  # a Sunday
        ("2026-11-23T10:00+08:00", "+1wd", "2026-11-24T18:00+08:00"),
        ("2026-11-23T23:30+08:00", "+1wd", "2026-11-24T18:00+08:00"),
        ("2026-11-23T17:00+00:00", "+1wd", "2026-11-25T18:00+08:00"),  # Tuesday in the company
        ("2026-09-30T10:00+08:00", "+1wd", "2026-10-08T18:00+08:00"),  # seven days of holidays
        ("2026-11-22T12:41+08:00", "+15wd", "2026-12-11T18:00+08:00"),
    ],
)
def test_working_days_ahead_end_at_the_closing_time_of_that_day(
    now: str, text: str, closing: str
) -> None:
    assert promised(text, DAYS, datetime.fromisoformat(now)) == datetime.fromisoformat(closing)


def test_the_key_comes_from_the_content_and_not_from_the_day_or_the_spacing(tmp_path: Path) -> None:
    other = tmp_path / "same.json"
    other.write_text(json.dumps(json.loads(MUSEUM.read_bytes())), encoding="utf-8")

    key = read(MUSEUM)[0].key

    assert read(other)[0].key == key
    assert read(MUSEUM, datetime(2027, 3, 1, tzinfo=UTC))[0].key == key
    assert read(EXAMPLES / "orders" / "10-academy-capes.json")[0].key != key


def test_the_same_row_twice_is_two_orders_each_with_its_key(tmp_path: Path) -> None:
    lines = SHEET.read_text(encoding="utf-8").splitlines()
    path = tmp_path / "twice.csv"
    path.write_text("\n".join([*lines[:2], lines[1]]), encoding="utf-8")

    first, second = read(path)

    assert first.body == second.body
    assert first.key != second.key


def test_a_price_that_is_a_number_keeps_every_digit(tmp_path: Path) -> None:
    path = tmp_path / "order.json"
    path.write_text(museum(('"38.50"', "38.10")), encoding="utf-8")

    assert read(path)[0].body["lines"][0]["unit_price"] == "38.10"


def test_columns_may_stand_in_any_order_and_optional_ones_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    path.write_text(
        "quantity,product,unit_price,customer,profile,promised_at\r\n"
        "3,EL-A4,38.50,C-0001,S08,+9wd\r\n",
        encoding="utf-8-sig",
    )

    (draft,) = read(path)

    assert draft.body["lines"] == [{"product": "EL-A4", "quantity": 3, "unit_price": "38.50"}]


@pytest.mark.parametrize(
    ("old", "new", "at", "said"),
    [
        (",20,40.00,", ",4.5,40.00,", "4.5,", "quantity: should be a whole number; write "),
        (",20,40.00,", ",0,40.00,", "0,40.00", "quantity: should be at least 1"),
        (",20,40.00,", ",20,much,", "much", "unit_price: should be a decimal number; "),
        ("+14wd", "+14d", "+14d", "promised_at: is no instant; write +15wd for the 15th "),
        ("+14wd", "2026-12-20", "2026-12-20", "promised_at: has no offset; "),
        (",CN,EL-A4", ",China,EL-A4", "China", "deliver_country: has the wrong form; write the "),
        ("phone,CNY", "pigeon,CNY", "pigeon", "channel: should be one of 'web', "),
        (",true,", ",yes,", "yes,", "rush: should be true or false; "),
        ("He Jun 贺军,", ",", ",+86-555-0100-0303", "contact_name: is missing; add it"),
        (
            '"Northgate works, gate B"',
            "a, b",
            "S08,C-0003",
            "the row: has 20 cells instead of 19; ",
        ),
        ('gate B"', 'gate B" today', " today", "text follows a closing quote; put the whole cell "),
        ("unit_price", "price", "price", "price: is no column; did you mean unit_price?"),
        ("remarks", "profile", "profile\n", "profile: stands here again; leave one of them out"),
        (",quantity", "", "profile,", "quantity: is missing; add the column"),
    ],
)
def test_a_fault_in_a_sheet_has_its_place_its_column_and_its_cure(
    tmp_path: Path, old: str, new: str, at: str, said: str
) -> None:
    text = sheet((old, new))
    before = text[: text.index(at)]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")

    found = faults(tmp_path, "order.csv", text)

    assert any(fault.startswith(f"order.csv:{line}:{column}: {said}") for fault in found), found


def test_a_quote_that_is_never_closed_is_a_fault(tmp_path: Path) -> None:
    found = faults(tmp_path, "order.csv", sheet().rstrip() + ' "open')

    assert len(found) == 1
    assert ": a quote has no partner; put the whole cell in quotes" in found[0]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"quantity": 40', '"quantity": "40"', "o.json:21:7: lines[0].quantity: should be a whole"),
        ('"web"', '"pigeon"', "o.json:4:3: channel: should be one of 'web', "),
        ('"city"', '"town"', "o.json:8:3: deliver_to.city: is missing; add it"),
        ('"city"', '"town"', "o.json:11:5: deliver_to.town: is not known here; leave it out"),
        ('"profile"', '"profil"', "o.json:2:3: profil: is not known here; did you mean profile?"),
        ('"profile": "S08",', "", "o.json:1:1: profile: is missing; add it"),
        ('"+15wd"', '"15wd"', "o.json:6:3: promised_at: is no instant"),
        ('"web",', '"web"', "o.json:5:3: is not JSON: expecting ',' delimiter; write the JSON"),
        ('"channel"', '"customer"', "o.json:4:3: customer: stands here a second time; leave one"),
        ('"38.50"', "NaN", "o.json:1:1: NaN is no number; "),
    ],
)
def test_a_fault_in_json_has_its_place_its_field_and_its_cure(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    found = faults(tmp_path, "o.json", museum((old, new)))

    assert any(fault.startswith(said) for fault in found), found


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("o.json", "[]", "o.json:1:1: holds no order; "),
        ("o.json", "", "o.json:1:1: is not JSON: expecting value; "),
        ("o.json", "[" * 100_000, "o.json:1:1: is nested too deeply; "),
        ("o.csv", "", "o.csv:1:1: is empty; begin with profile,customer,"),
        ("o.csv", ",".join(COLUMNS), "o.csv:1:1: has no order; add an order below the names"),
        ("o.csv", "订单\n".encode("gbk"), "o.csv:1:1: is not UTF-8; save it as UTF-8 (in Excel"),
        ("o.xlsx", "", "o.xlsx:1:1: is neither .json nor .csv; save it as one of them"),
    ],
)
def test_a_file_that_is_none_says_what_it_should_be(
    tmp_path: Path, name: str, content: str | bytes, said: str
) -> None:
    (found,) = faults(tmp_path, name, content)

    assert found.startswith(said)


def test_a_misspelt_file_name_gets_the_near_one() -> None:
    with pytest.raises(FileFaults, match=r"no such file; did you mean orders\.csv\?"):
        read(EXAMPLES / "order.csv")


def test_all_faults_of_a_sheet_are_told_at_once_in_the_order_of_its_lines(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        "order.csv",
        sheet((",40,25.20,", ",x,25.20,"), ("phone,CNY", "pigeon,CNY"), ("+25wd", "soon")),
    )

    assert [fault.split(":")[1] for fault in found] == ["2", "3", "6"]


def test_a_cell_over_two_lines_does_not_shift_the_places_after_it(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        "order.csv",
        sheet(
            ('"A4, blue-green, spare panels"', '"A4,\nblue ""green"""'), (",40,25.20", ",x,25.20")
        ),
    )

    assert found[0].startswith("order.csv:4:")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(json_values, st.sampled_from([None, 0, 2]), st.booleans())
def test_every_field_of_any_json_is_found_where_its_name_stands(
    value: Any, indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    lines = text.split("\n")

    found = JsonPlaces(text).found

    assert set(found) == set(paths(value))
    for path, (line, column) in found.items():
        if isinstance(path[-1], str):
            name = json.dumps(path[-1], ensure_ascii=ascii_only)
            assert lines[line - 1][column - 1 :].startswith(name)


def paths(value: Any, above: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    pairs = value.items() if isinstance(value, dict) else ()
    entries = [*pairs, *(enumerate(value) if isinstance(value, list) else ())]
    return [p for name, inner in entries for p in ((*above, name), *paths(inner, (*above, name)))]


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_characters="\r")), min_size=2, max_size=5),
        max_size=5,
    )
)
def test_a_sheet_of_quoted_cells_is_read_back_as_it_was_written(rows: list[list[str]]) -> None:
    quoted = [[f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row] for row in rows]

    found = list(csv_rows("\n".join(",".join(row) for row in quoted), "sheet"))

    assert [[cell.text for cell in row] for row in found] == [row for row in rows if any(row)]


def server(*answers: httpx.Response) -> tuple[httpx.MockTransport, list[httpx.Request]]:
    """A platform that gives these answers in turn, and what it was asked."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answers[len(asked) - 1]

    return httpx.MockTransport(answer), asked


def taken(id: str, *, replayed: bool = False) -> httpx.Response:
    headers = {"Idempotent-Replayed": "true"} if replayed else {}
    return httpx.Response(201, json={"id": id, "links": {}}, headers=headers)


def refused(type_: str, *errors: dict[str, str]) -> httpx.Response:
    body = {"type": type_, "title": "No", "detail": "not so", "status": 422, "errors": errors}
    return httpx.Response(422, json=body)


async def sent(answers: list[httpx.Response], drafts: list[Draft]) -> Submission:
    transport, _ = server(*answers)
    async with Api(API, "key", transport=transport) as api:
        submission = Submission(api)
        for draft in drafts:  # one by one, so that the answers meet them in order
            await submission.send_all([draft], lambda: None)
    return submission


async def test_what_only_the_platform_knows_is_told_with_the_place_in_the_file() -> None:
    unknown = {"field": "lines[0].product", "message": "there is no product 'X'", "cure": "mend it"}

    submission = await sent([refused("urn:dueline:problem:invalid", unknown)], read(SHEET)[:1])

    assert str(submission.faults[0]).endswith(
        "orders.csv:2:126: product: there is no product 'X'; mend it"
    )
    assert submission.sent == []


async def test_a_refused_order_does_not_keep_the_others_from_being_sent() -> None:
    unknown = {"field": "customer", "message": "there is no customer 'X'"}
    transport, asked = server(
        refused("urn:dueline:problem:invalid", unknown), taken("a"), taken("b")
    )

    async with Api(API, "key", transport=transport) as api:
        submission = Submission(api)
        await submission.send_all(read(SHEET)[:3], lambda: None)

    assert [item["id"] for item in submission.sent] == ["a", "b"]
    assert len({request.headers["Idempotency-Key"] for request in asked}) == 3


@pytest.mark.parametrize(
    "answer", [taken("a", replayed=True), refused(KEY_REUSED, {"field": "k", "message": "used"})]
)
async def test_an_order_that_was_sent_before_is_no_fault_even_on_another_day(
    answer: httpx.Response,
) -> None:
    submission = await sent([answer], read(MUSEUM))

    assert [item["submitted"] for item in submission.sent] == ["before"]
    assert submission.faults == []


async def test_nothing_more_is_sent_once_the_platform_is_away() -> None:
    transport, asked = server(httpx.Response(502, text="<html>"), taken("a"))

    async with Api(API, "key", transport=transport) as api:
        submission = Submission(api)
        for draft in read(SHEET)[:2]:
            await submission.send_all([draft], lambda: None)

    assert len(asked) == 1
    assert "is no Dueline API" in str(submission.broken)


async def test_a_patient_caller_asks_again_while_the_platform_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "AGAIN_SECONDS", 0.001)
    transport, asked = server(refused(client.AWAY), refused(client.AWAY), taken("a"))

    async with Api(API, "key", patience_seconds=30, transport=transport) as api:
        answer = await api.post("/orders", {}, idempotency_key="k")

    assert answer.body["id"] == "a"
    assert len(asked) == 3


async def test_a_problem_is_one_sentence_a_field() -> None:
    errors = [
        {"field": "outcome", "message": "should be one of: done", "cure": "write done"},
        {"field": "data.carrier", "message": "is required to complete this task"},
    ]
    transport, _ = server(refused("urn:dueline:problem:invalid", *errors))

    async with Api(API, "key", transport=transport) as api:
        with pytest.raises(Exception, match="outcome") as found:
            await api.post("/tasks/x/completion", {})

    assert str(found.value).splitlines() == [
        "outcome: should be one of: done; write done.",
        "data.carrier: is required to complete this task.",
    ]


@pytest.mark.parametrize("url", ["", "nonsense", "127.0.0.1:8000", "ftp://somewhere", "http://"])
def test_an_address_that_is_none_says_what_one_looks_like(url: str) -> None:
    with pytest.raises(ApiUnreachable, match="is no address: write one such as http://"):
        Api(url, "key")


def test_ids_are_shown_short_and_other_texts_are_left_alone() -> None:
    uuid = "3f2a9c1e-1111-4222-8333-944445555666"

    assert short(f"{uuid}.plan.1.production") == "3f2a9c1e.plan.1.production"
    assert short(f"case-{uuid}.review.1.cause") == "case-3f2a9c1e.review.1.cause"
    assert short("SO-2026-000004") == "SO-2026-000004"


@pytest.mark.parametrize("text", ["production", "Production", "L18", "l18"])
def test_a_stage_is_named_in_words_or_by_its_code(text: str) -> None:
    assert _stage(text).words == "production"
    assert _stage("plan approval") is _stage("plan-approval")


def test_data_is_given_as_pairs_whose_values_may_hold_an_equals_sign() -> None:
    assert _pairs(["carrier=SF", "note=a=b"]) == {"carrier": "SF", "note": "a=b"}
