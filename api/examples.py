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

CANCELLATION: Body = {"reason": "The exhibition was called off.", "accept_cost": "0"}

FOLLOW_UP: Body = {
    "kind": "complaint",
    "text": "Two panels flicker since Tuesday.",
    "facts": {"line": "1"},
}
RUSH: Body = {"reason": "The opening is a week earlier."}

CREDIT: Body = {"limit": "80000.00", "because": "Yearly review: always paid in time."}

RECEIPT: Body = {"condition": "damaged", "note": "Two panels are cracked at the edge."}

ADJUSTMENT: Body = {
    "action": "pause",
    "reason": "customer",
    "note": "Asked for the missing drawing on the phone.",
}

RISK_ANSWER: Body = {"rule": "S08.W04", "at_risk": True, "note": "Line 2 is down."}

CASE: Body = {
    "order": "0198f6c2-1111-4222-8333-944445555666",
    "window": "0198f6c2-1111-4222-8333-944445555666/production/1",
    "why": "The press is down and the spare part comes on Friday.",
}

WEBHOOK_ENDPOINT: Body = {
    "url": "https://erp.example.com/dueline",
    "events": ["order.shipped", "order.change_applied", "order.promise_moved"],
}

WEBHOOK_REPLAY: Body = {"after": 4711}

HOLD: Body = {"because": "The customer's bank has stopped; finance looks into it."}

SKIP: Body = {"step": "confirm", "because": "Confirmed on paper; the signed copy is filed."}

COMPLETION: Body = {"outcome": "done", "note": "Checked by telephone."}

CALENDAR: Body = {
    "spec": {
        "id": "line-2",
        "title": "Line 2",
        "title_zh": "二号产线",
        "zone": "Asia/Shanghai",
        "first_year": 2026,
        "last_year": 2027,
        "week": {
            "mon": [["08:00", "16:00"]],
            "tue": [["08:00", "16:00"]],
            "wed": [["08:00", "16:00"], ["20:00", "04:00"]],
        },
        "holidays": ["2026-10-01"],
        "makeup_days": ["2026-10-10"],
        "exceptions": [
            {"from": "2026-12-24", "to": "2026-12-26", "reason": "Stocktaking", "shifts": []}
        ],
        "provisional_years": [2027],
    }
}

PAYMENT: Body = {
    "reference": "CMB-20310214-0001",
    "amount": "462.00",
    "currency": "CNY",
    "route": "account",
    "arrived_at": "2031-02-14T10:20:00+08:00",
}

PAYMENT_REPORT: Body = {
    "amount": "462.00",
    "currency": "CNY",
    "route": "account",
    "reference": "CMB-20310214-0001",
}

PAYMENT_NOTICE: Body = {**PAYMENT, "order": "SO-2031-000004", "customer": "C-0001"}

ASSIGNMENT: Body = {"order": "SO-2031-000004"}

REFUND: Body = {"amount": "38.50", "reason": "One panel came back."}

DECISION: Body = {"approved": True}

PAID_BACK: Body = {"reference": "CMB-20310220-0007"}

SETTLED: Body = {"because": "The bank has booked it under another customer."}

STATEMENT: Body = {
    "since": "2031-02-01",
    "until": "2031-02-28",
    "lines": [
        {
            "reference": "CMB-20310214-0001",
            "amount": "462.00",
            "currency": "CNY",
            "date": "2031-02-14",
        }
    ],
}
