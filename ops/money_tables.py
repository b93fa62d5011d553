"""What the money commands print: tables for people."""

from collections.abc import Sequence

from rich.table import Table

from ops.order_tables import Item, console, local, money, short, words


def print_taken(taken: Item) -> None:
    """What became of a payment."""
    currency = taken["currency"]
    print(f"{money(taken['amount'], currency)} taken: {words(taken['end'])}")
    print(f"applied {money(taken['applied'], currency)}", end="")
    if taken["to_pay"] is not None:
        print(f", still to pay {money(taken['to_pay'], currency)}", end="")
    print()
    if taken["follow_up"]:
        rest = money(taken["unapplied"], currency)
        print(f"{rest} pays for nothing: finance has a task, follow-up {short(taken['follow_up'])}")


def print_payments(payments: Sequence[Item]) -> None:
    """A row a payment."""
    table = Table()
    table.add_column("payment", no_wrap=True)
    for name in ("arrived", "source", "reference", "order", "amount", "state", "came out", "why"):
        table.add_column(name)
    for payment in payments:
        table.add_row(
            short(payment["id"]),
            local(payment["arrived_at"]),
            payment["source"],
            payment["reference"] or "-",
            short(payment["order"] or payment["named_order"] or "-"),
            money(payment["amount"], payment["currency"]) if payment["amount"] else "-",
            payment["state"],
            words(payment["end"]),
            payment["why"] or "-",
        )
    if payments:
        console().print(table)
    print(f"{len(payments)} payment{'' if len(payments) == 1 else 's'}")


def print_reports(reports: Sequence[Item]) -> None:
    """A row a report of a payment."""
    table = Table()
    for name in ("reported", "amount", "by way of", "reference", "stands"):
        table.add_column(name)
    for report in reports:
        settled = report["settled_at"]
        table.add_row(
            local(report["reported_at"]),
            money(report["amount"], report["currency"]),
            report["route"] or "as the order says",
            report["reference"] or "-",
            f"settled {local(settled)}" if settled else "awaited",
        )
    if reports:
        console().print(table)
    print(f"{len(reports)} report{'' if len(reports) == 1 else 's'} of payments")


def print_order_ledger(ledger: Item) -> None:
    """An order's money: what it owes, where the money is, how it came there."""
    currency = ledger["currency"]
    name = ledger["number"] or short(ledger["order"])
    owed, paid = money(ledger["owed"], currency), money(ledger["paid"], currency)
    print(f"{name}: owes {owed}, paid {paid}, to pay {money(ledger['to_pay'], currency)}")
    _print_ledger(ledger)


def print_customer_ledger(ledger: Item) -> None:
    """A customer's money over all its orders."""
    print(f"Customer {ledger['customer']}")
    _print_ledger(ledger)


def _print_ledger(ledger: Item) -> None:
    out = console()
    sums = Table("currency", "received", "applied", "unapplied", "refunded", "balances", "where")
    for of in ledger["sums"]:
        amounts = (of[name] for name in ("received", "applied", "unapplied", "refunded"))
        where = ", ".join(f"{a['account']} {a['zh']} {a['amount']}" for a in of["accounts"])
        sums.add_row(of["currency"], *amounts, "yes" if of["balances"] else "NO", where or "-")
    out.print(sums)
    moves = Table("when", "from", "to", "amount", "why", "by")
    for move in ledger["entries"]:
        moves.add_row(
            local(move["at"]),
            words(move["source"]),
            words(move["target"]),
            money(move["amount"], move["currency"]),
            move["reason"],
            move["by"] or "-",
        )
    if ledger["entries"]:
        out.print(moves)


def print_refund(refund: Item) -> None:
    """Where a refund stands."""
    print(f"{money(refund['amount'], refund['currency'])} shall go back: {refund['state']}")
    if refund["follow_up"]:
        print(
            f"follow-up {short(refund['follow_up'])}: another key approves it, see `dueline tasks`"
        )


def print_invoice(invoice: Item) -> None:
    """What an invoice says."""
    currency = invoice["currency"]
    title = invoice["number"] or "not settled yet, so without a number"
    lines = Table("line", "product", "quantity", "unit price", "amount", title=title)
    for line in invoice["lines"]:
        lines.add_row(*(str(line[name]) for name in _LINE), money(line["amount"], currency))
    out = console()
    out.print(lines)
    facts = Table(show_header=False)
    for name in ("goods", "rush_fee", "cost", "total", "credited", "paid", "open"):
        facts.add_row(words(name), money(invoice[name], currency))
    out.print(facts)


_LINE = ("line", "product", "quantity", "unit_price")


def print_reconciliation(found: Item) -> None:
    """How a statement agrees with our books."""
    print(
        f"{found['customer']}, {found['since']} to {found['until']}: "
        f"{len(found['matched'])} agree, {len(found['differences'])} differ, "
        f"{len(found['awaited'])} may come with the next statement"
    )
    table = Table("reference", "difference", "statement", "our books", "to settle")
    for one in found["differences"]:
        table.add_row(
            one["reference"],
            words(one["kind"]),
            _sum(one, "statement"),
            _sum(one, "booked"),
            f"follow-up {short(one['follow_up'])}"
            if one["follow_up"]
            else f"difference {short(one['difference'])}",
        )
    if found["differences"]:
        console().print(table)


def _sum(one: Item, side: str) -> str:
    amount, currency = one[f"{side}_amount"], one[f"{side}_currency"]
    return money(amount, currency) if amount is not None else "-"
