"""Bodies that work, for the documentation. All names and numbers are invented."""

from typing import Any

Body = dict[str, Any]

ORDER: Body = {
    "profile": "S08",
    "customer": "C-0001",
    "channel": "web",
    "currency": "CNY",
    "promised_at": "2031-03-14T18:00:00+08:00",
    "contact": {"name": "Lin Yue 林悦", "phone": "+86-555-0100-0101"},
    "deliver_to": {
        "name": "Lantern Bay Museum Fittings, store 2",
        "line1": "12 Reed Lane",
        "city": "Hefei",
        "postcode": "230001",
        "country": "CN",
    },
    "requirements": "Even brightness across the batch.",
    "lines": [{"product": "EL-A4", "quantity": 40, "unit_price": "38.50"}],
}

CHANGE: Body = {
    "version": 1,
    "reason": "The shop moves.",
    "deliver_to": {
        "name": "Lantern Bay Museum Fittings, store 5",
        "line1": "3 Mill Street",
        "city": "Hefei",
        "country": "CN",
    },
}

CANCELLATION: Body = {"reason": "The exhibition was called off."}

RECEIPT: Body = {"reason": "Signed for at the gate."}

COMPLETION: Body = {"outcome": "done", "note": "Checked by telephone."}
