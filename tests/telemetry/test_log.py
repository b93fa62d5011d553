"""One line an event, whoever writes it: with its order, and without what errors quote."""

import io
import json
import logging
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from pydantic import ValidationError
from structlog.contextvars import clear_contextvars
from temporalio.exceptions import ApplicationError

from domain.errors import UnknownThing
from settings import Settings
from telemetry.log import about_order, configure_log
from telemetry.metrics import start_runtime
from telemetry.words import kind, story, words

ORDER_ID = "597d9ba6-0888-492c-80a9-2f79d9b03fe2"
PHONE = "+86-555-0100-0101"


def broken_settings() -> ValidationError:
    """An error that quotes what it was given."""
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({"api_port": PHONE})
    return refused.value


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """What is written in JSON."""
    stream = io.StringIO()
    configure_log("json", stream)
    yield stream
    clear_contextvars()
    configure_log("console")


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_names_the_order_that_it_is_about(out: io.StringIO) -> None:
    about_order(ORDER_ID)

    structlog.get_logger("api").info("request", route="/orders/{order_id}")

    [line] = lines(out)
    assert line["order_id"] == ORDER_ID
    assert (line["event"], line["level"]) == ("request", "info")


def test_what_somebody_writes_in_place_of_an_id_is_not_logged(out: io.StringIO) -> None:
    about_order(f"Lin Yue {PHONE}")

    structlog.get_logger("api").info("request")

    assert "order_id" not in lines(out)[0]


def test_a_warning_of_a_library_comes_as_one_line_of_the_same_shape(out: io.StringIO) -> None:
    about_order(ORDER_ID)
    try:
        raise ValueError(PHONE)
    except ValueError:
        logging.getLogger("some.package").warning("it went wrong", exc_info=True)
    logging.getLogger("some.package").info("nothing to see")

    [line] = lines(out)
    assert (line["event"], line["logger"]) == ("it went wrong", "some.package")
    assert line["order_id"] == ORDER_ID
    assert line["exception"].endswith("ValueError: ValueError\n")
    assert PHONE not in out.getvalue()


def test_a_traceback_shows_the_way_and_not_the_values(out: io.StringIO) -> None:
    try:
        try:
            int(PHONE)
        except ValueError as error:
            raise UnknownThing("window", "w-1") from error
    except UnknownThing as error:
        structlog.get_logger("api").error("unexpected error", exc_info=error)

    [line] = lines(out)
    assert "int(PHONE)" in line["exception"]
    assert "UnknownThing: there is no window 'w-1'" in line["exception"]
    assert PHONE not in line["exception"]


def test_people_read_the_same_facts(out: io.StringIO) -> None:
    configure_log("console", out)
    try:
        int(PHONE)
    except ValueError as error:
        structlog.get_logger("api").error("unexpected error", exc_info=error)

    assert "unexpected error" in out.getvalue()
    assert "int(PHONE)" in out.getvalue()
    assert PHONE not in out.getvalue()


def test_every_error_of_a_group_is_told_once() -> None:
    group = ExceptionGroup("two", [KeyError("a"), TypeError("no such argument")])

    told = story(group)

    assert told.count("KeyError: KeyError") == 1
    assert told.count("TypeError: no such argument") == 1


@pytest.mark.parametrize(
    ("error", "named", "said"),
    [
        (
            ApplicationError("no stock of EL-A4", type="OutOfStock"),
            "OutOfStock",
            "no stock of EL-A4",
        ),
        (broken_settings(), "ValidationError", "Settings does not hold: int_parsing"),
        (KeyError(PHONE), "KeyError", "KeyError"),
        (ValueError(f"bad phone {PHONE}"), "ValueError", "ValueError"),
        (TypeError("takes no argument"), "TypeError", "takes no argument"),
        (ConnectionRefusedError(111, "Connection refused"), None, "Connection refused"),
        (UnknownThing("order", "o-1"), "UnknownThing", "there is no order 'o-1'"),
    ],
)
def test_only_words_about_code_or_of_our_own_are_said(
    error: Exception, named: str | None, said: str
) -> None:
    assert kind(error) == (named or type(error).__name__)
    assert words(error) == said


def test_an_address_in_use_gets_one_sentence_with_the_cure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit) as refused:
            start_runtime("json", f"127.0.0.1:{port}")

    assert refused.value.code == (
        f"The metrics cannot be served on 127.0.0.1:{port} (address already in use): stop what "
        "uses it, or choose another address with DUELINE_METRICS_ADDRESS."
    )


@pytest.mark.parametrize("address", ["9464", "localhost:9464", "127.0.0.1:0", "127.0.0.1:none"])
def test_an_address_that_nobody_can_listen_on_is_refused_with_an_example(address: str) -> None:
    with pytest.raises(ValueError, match=r"such as 127\.0\.0\.1:9464"):
        Settings(metrics_address=address)


@pytest.mark.parametrize("address", ["0.0.0.0:9464", "[::1]:9464"])
def test_any_address_of_this_machine_may_serve_the_metrics(address: str) -> None:
    assert Settings(metrics_address=address).metrics_address == address
