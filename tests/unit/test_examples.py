"""What the example factory promises to the demo and to its readers."""

import csv
import json
import re
from collections import Counter, defaultdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
CSV_HEADER = [
    *("profile", "customer", "channel", "currency", "promised_at", "rush", "special"),
    *("contact_name", "contact_phone", "deliver_name", "deliver_line1", "deliver_city"),
    *("deliver_postcode", "deliver_country", "product", "quantity", "unit_price"),
    *("specification", "remarks"),
]
REQUIRED = {
    *("profile", "customer", "channel", "currency", "promised_at"),
    *("contact", "deliver_to", "lines"),
}
OPTIONAL = {"rush", "special", "payment_terms", "requirements", "remarks", "attachments"}
ADDRESS = {"name", "line1", "city", "postcode", "country"}
CHANNELS = {"web", "phone", "fax", "email", "visit", "fair", "shop", "edi"}
UP_TO_QC = {"entry", "confirm", "review", "material", "plan", "slot", "production", "qc"}
AFTER_QC = {"rework", "pack", "ship", "notify", "receipt"}
STEPS = {
    "S08": UP_TO_QC | AFTER_QC | {"plan_approval", "release"},
    "GEN": UP_TO_QC | AFTER_QC | {"check", "release"},
}
MINUTES_AT_LEAST, MINUTES_AT_MOST = 60, 14 * 60
LINE_DAYS_AT_MOST = 9


def read(name: str) -> Any:
    return json.loads((EXAMPLES / name).read_text(encoding="utf-8"))


def by_code(name: str) -> dict[str, Any]:
    rows = read(f"master/{name}.json")
    found = {row["code"]: row for row in rows}
    assert len(found) == len(rows), f"a code of {name} stands twice"
    return found


MATERIALS, PRODUCTS = by_code("materials"), by_code("products")
LINES, CUSTOMERS = by_code("lines"), by_code("customers")
FILES = {p.stem: read(f"orders/{p.name}") for p in sorted((EXAMPLES / "orders").glob("*.json"))}
SCENARIO = read("scenario.json")
with (EXAMPLES / "orders.csv").open(encoding="utf-8", newline="") as sheet:
    ROWS = list(csv.DictReader(sheet))


def from_row(row: dict[str, str]) -> dict[str, Any]:
    line = {key: row[key] for key in ("product", "unit_price", "specification")}
    return {
        **{key: row[key] for key in CSV_HEADER[:5]},
        "lines": [{**line, "quantity": int(row["quantity"])}],
    }


# in the order in which they are submitted: the files by name, then the sheet
ORDERS = FILES | {f"csv-{number}": from_row(row) for number, row in enumerate(ROWS, 1)}


def demand(order: Any) -> dict[str, Decimal]:
    wanted: dict[str, Decimal] = defaultdict(Decimal)
    for line in order["lines"]:
        for part in PRODUCTS[line["product"]]["bom"]:
            wanted[part["material"]] += line["quantity"] * Decimal(part["per_unit"])
    return wanted


def load(order: Any) -> dict[str, Decimal]:
    minutes: dict[str, Decimal] = defaultdict(Decimal)
    for line in order["lines"]:
        product = PRODUCTS[line["product"]]
        minutes[product["line"]] += line["quantity"] * Decimal(product["minutes_per_unit"])
    return minutes


def minutes_a_day(line: Any) -> float:
    def at(text: str) -> datetime:
        return datetime.strptime(text, "%H:%M")  # noqa: DTZ007 - a time of day has no zone

    return sum((at(end) - at(start)).total_seconds() / 60 for start, end in line["shifts"])


def stems_with(kind: str) -> list[str]:
    return [s for s, told in SCENARIO.items() for event in told["events"] if kind in event]


def test_the_factory_has_the_promised_size() -> None:
    assert len(MATERIALS) >= 28
    assert len(PRODUCTS) >= 9
    assert set(LINES) == {"PANEL", "DRIVER", "CONSUMER"}
    assert len(CUSTOMERS) == 12
    assert len(FILES) == 24
    assert [path.name for path in EXAMPLES.glob("*.csv")] == ["orders.csv"]
    assert len(ROWS) == 8


def test_master_records_have_exactly_their_fields() -> None:
    both = {"code", "name", "name_zh"}
    assert all(set(m) == both | {"unit", "on_hand"} for m in MATERIALS.values())
    fields = both | {"unit", "line", "minutes_per_unit", "prices", "bom"}
    assert all(set(p) == fields for p in PRODUCTS.values())
    assert all(set(line) == both | {"shifts"} for line in LINES.values())
    fields = {"code", "name", "contact", "phone", "email", "address", "currency"}
    assert all(set(c) - {"credit_limit"} == fields for c in CUSTOMERS.values())


def test_amounts_are_positive_decimal_strings() -> None:
    amounts = [m["on_hand"] for m in MATERIALS.values()]
    amounts += [p["minutes_per_unit"] for p in PRODUCTS.values()]
    amounts += [part["per_unit"] for p in PRODUCTS.values() for part in p["bom"]]
    amounts += [line["unit_price"] for order in ORDERS.values() for line in order["lines"]]
    assert all(isinstance(amount, str) and Decimal(amount) > 0 for amount in amounts)


def test_every_product_has_a_list_price_in_every_currency_that_is_ordered_in() -> None:
    ordered_in = {order["currency"] for order in ORDERS.values()}
    for product in PRODUCTS.values():
        assert set(product["prices"]) == ordered_in
        assert all(re.fullmatch(r"\d+\.\d\d", price) for price in product["prices"].values())


def test_no_order_pays_more_than_the_list_price_nor_a_tenth_less() -> None:
    for order in ORDERS.values():
        for line in order["lines"]:
            listed = Decimal(PRODUCTS[line["product"]]["prices"][order["currency"]])
            assert listed * Decimal("0.9") <= Decimal(line["unit_price"]) <= listed


def test_products_name_known_materials_and_lines() -> None:
    for product in PRODUCTS.values():
        parts = [part["material"] for part in product["bom"]]
        assert parts
        assert len(parts) == len(set(parts))
        assert set(parts) <= set(MATERIALS)
        assert product["line"] in LINES


def test_every_material_and_product_is_used() -> None:
    ordered = {line["product"] for order in ORDERS.values() for line in order["lines"]}
    assert ordered == set(PRODUCTS)
    assert {part["material"] for p in PRODUCTS.values() for part in p["bom"]} == set(MATERIALS)


def test_every_customer_orders_and_each_in_its_own_currency() -> None:
    assert {order["customer"] for order in ORDERS.values()} == set(CUSTOMERS)
    for order in ORDERS.values():
        assert order["currency"] == CUSTOMERS[order["customer"]]["currency"]


def test_customers_cannot_be_mistaken_for_real_ones() -> None:
    for customer in CUSTOMERS.values():
        assert customer["email"].endswith("@example.com")
        assert re.match(r"\+86-555-0100-|\+1-202-555-01|\+49-30-23125-", customer["phone"])


def test_shifts_follow_each_other_and_one_line_works_until_ten_at_night() -> None:
    for line in LINES.values():
        times = [time for shift in line["shifts"] for time in shift]
        assert times == sorted(set(times))
    assert [c for c, line in LINES.items() if line["shifts"][-1][1] == "22:00"] == ["DRIVER"]


@pytest.mark.parametrize("stem", FILES)
def test_an_order_file_has_no_field_the_interface_refuses(stem: str) -> None:
    order = FILES[stem]
    assert re.fullmatch(r"\d\d(-[a-z0-9]+)+", stem)
    assert set(order) >= REQUIRED
    assert set(order) <= REQUIRED | OPTIONAL
    assert {"name", "phone"} <= set(order["contact"]) <= {"name", "phone", "email"}
    assert set(order["deliver_to"]) == ADDRESS
    for line in order["lines"]:
        assert set(line) == {"product", "quantity", "unit_price", "specification"}
        assert line["product"] in PRODUCTS
        assert type(line["quantity"]) is int
    for attachment in order.get("attachments", []):
        assert set(attachment) == {"name", "uri"}
        assert attachment["uri"].startswith("https://files.example.com/")


def test_the_sheet_has_the_agreed_columns() -> None:
    for row in ROWS:
        assert list(row) == CSV_HEADER
        assert {row["rush"], row["special"]} <= {"true", "false"}
        assert row["product"] in PRODUCTS
        assert int(row["quantity"]) > 0


def test_order_files_are_numbered_without_a_gap() -> None:
    assert [stem[:2] for stem in FILES] == [f"{n:02}" for n in range(1, 25)]


def test_promises_lie_ten_to_twenty_five_working_days_ahead() -> None:
    for order in ORDERS.values():
        days = re.fullmatch(r"\+(\d+)wd", order["promised_at"])
        assert days
        assert 10 <= int(days[1]) <= 25


def test_the_orders_are_a_mixture() -> None:
    assert Counter(order["profile"] for order in FILES.values()) == {"S08": 16, "GEN": 8}
    assert {order["channel"] for order in ORDERS.values()} == CHANNELS
    assert {order["currency"] for order in ORDERS.values()} == {"CNY", "USD", "EUR"}
    for field in ("rush", "special", "attachments"):
        assert 3 <= sum(bool(order.get(field)) for order in FILES.values()) <= 12
    assert sum(len(order["lines"]) > 1 for order in FILES.values()) >= 4
    assert sum(len(load(order)) > 1 for order in FILES.values()) >= 3


@pytest.mark.parametrize("stem", ORDERS)
def test_an_order_takes_its_lines_between_one_and_fourteen_hours(stem: str) -> None:
    minutes = load(ORDERS[stem])
    assert all(taken >= MINUTES_AT_LEAST for taken in minutes.values())
    assert sum(minutes.values()) <= MINUTES_AT_MOST


@pytest.mark.parametrize("code", LINES)
def test_a_line_makes_all_its_orders_before_the_first_promise(code: str) -> None:
    minutes = sum(load(order)[code] for order in ORDERS.values())
    assert 0 < minutes < LINE_DAYS_AT_MOST * minutes_a_day(LINES[code])


def test_exactly_one_order_meets_a_shortage_and_the_scenario_tells_it() -> None:
    left = {code: Decimal(material["on_hand"]) for code, material in MATERIALS.items()}
    short = {}
    for stem, order in ORDERS.items():
        wanted = demand(order)
        missing = {code: need - left[code] for code, need in wanted.items() if need > left[code]}
        if missing:
            short[stem] = missing
            continue
        for code, need in wanted.items():
            left[code] -= need
    assert short == {"07-pink-wedding-panels": {"M-INK-PK": Decimal("0.19")}}
    assert stems_with("shortage") == list(short)


def test_stock_suffices_for_everything_else_with_a_fifth_to_spare() -> None:
    wanted: Counter[str] = Counter()
    for order in ORDERS.values():
        wanted.update(demand(order))
    tight = {c for c, need in wanted.items() if need * 6 > Decimal(MATERIALS[c]["on_hand"]) * 5}
    assert tight == {"M-INK-PK"}


def test_no_other_order_wants_the_short_material_so_any_sequence_will_do() -> None:
    assert [s for s, order in ORDERS.items() if "M-INK-PK" in demand(order)] == stems_with(
        "shortage"
    )


def test_the_scenario_tells_every_order_file_and_no_other() -> None:
    assert list(SCENARIO) == list(FILES)
    for told in SCENARIO.values():
        assert set(told) == {"story", "events"}
        assert re.fullmatch(r"[A-Z].+[^.]\.", told["story"])


@pytest.mark.parametrize("kind", ["qc_fail", "shortage", "cancel_at", "change_at"])
def test_each_mishap_happens_to_one_order(kind: str) -> None:
    assert len(stems_with(kind)) == 1


def test_three_delays_climb_and_two_only_warn() -> None:
    rungs = Counter(SCENARIO[s]["events"][0]["late"]["rung"] for s in stems_with("late"))
    assert rungs == {"warning": 2, "breach": 1, "e2": 1, "e3": 1}


def test_no_order_has_two_events_and_the_rest_are_in_time() -> None:
    assert Counter(len(told["events"]) for told in SCENARIO.values()) == {0: 15, 1: 9}


def test_every_step_of_an_event_belongs_to_the_profile_of_its_order() -> None:
    for stem, told in SCENARIO.items():
        for event in told["events"]:
            late = event.get("late", {}).get("step")
            for step in filter(None, (late, event.get("cancel_at"), event.get("change_at"))):
                assert step in STEPS[FILES[stem]["profile"]]


def test_the_change_is_a_whole_new_address() -> None:
    (stem,) = stems_with("change_at")
    (event,) = SCENARIO[stem]["events"]
    assert set(event) == {"change_at", "patch"}
    assert set(event["patch"]) == {"deliver_to"}
    assert set(event["patch"]["deliver_to"]) == ADDRESS
    assert event["patch"]["deliver_to"] != FILES[stem]["deliver_to"]


def test_the_readme_names_only_files_that_exist() -> None:
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"dueline submit (\S+)", text)
    assert len(named) == 2
    assert all((EXAMPLES.parent / name).is_file() for name in named)
