"""What follows an order, as the owner of the regulation would read it aloud."""

from collections.abc import Iterator

from policy.follow_ups import DONE, FollowUp, FollowUpStep, FollowUpWork
from policy.model import Profile
from policy.reading_words import capital, joined, plain_words, said_time

_BEGINS = {
    "completed": "by itself when the order is completed",
    "damaged": "by itself when goods arrive damaged",
    "not_received": "by itself when goods are said not to have arrived",
    "refund": "by itself when money is to go back",
    "payment": "by itself when money fits nothing that is owed",
    "owing": "by itself when the order is completed and not paid, where a gate waits for money",
}
_WORKS = {
    FollowUpWork.PROPOSE_REFUND: "An amount that was agreed is proposed as a refund.",
    FollowUpWork.APPROVE_REFUND: "Who has proposed the refund does not approve it.",
    FollowUpWork.PAY_REFUND: "The money is booked as paid back.",
    FollowUpWork.PLACE_PAYMENT: "The money is booked where it belongs.",
    FollowUpWork.COLLECT: "It is paid only when the ledger says so.",
}


def follow_up_lines(profile: Profile) -> Iterator[str]:
    """A heading, and for each kind a line and one more for each of its steps."""
    if not profile.follow_ups:
        return
    yield ""
    yield "After the order"
    for kind in profile.follow_ups:
        yield f"– {kind.title} ({kind.title_zh}) begins {_begins(kind)}.{_blocks(kind)}"
        for number, step in enumerate(kind.steps, start=1):
            yield f"  {number}. {_article(kind, step)}"
    yield ""


def _begins(kind: FollowUp) -> str:
    roles = joined([role.words for role in kind.asked_by] or ["nobody"])
    asked = f"when somebody of {roles} asks for it"
    if kind.begins == "asked":
        return asked
    return _BEGINS[kind.begins] + (f", or {asked}" if kind.asked_by else "")


def _blocks(kind: FollowUp) -> str:
    waits = " Until it is closed, no receipt confirms itself."
    return waits if kind.blocks_receipt else ""


def _article(kind: FollowUp, step: FollowUpStep) -> str:
    sentences = [
        f"{step.title} ({step.title_zh}, {step.stage}). "
        f"{capital(step.role.words)}, {said_time(step.window)}.",
        step.standard,
    ]
    sentences += _required(step)
    if set(step.outcomes.values()) != {DONE}:
        leads = "; if ".join(
            f"{plain_words(answer)} → {_target(kind, to)}" for answer, to in step.outcomes.items()
        )
        sentences.append(f"If {leads}.")
    if step.not_by is not None:
        other = kind.step(step.not_by).title
        sentences.append(f"Whoever has answered {other[:1].lower() + other[1:]} does not do this.")
    if step.work is not None:
        sentences.append(_WORKS[step.work])
    if step.rules:
        sentences.append(f"[{'; '.join(step.rules)}]")
    return " ".join(sentences)


def _required(step: FollowUpStep) -> Iterator[str]:
    for name in step.requires:
        answer, _, needed = name.rpartition(".")
        who = f"The answer {plain_words(answer)}" if answer else "The answer"
        yield f"{who} names the {plain_words(needed)}."


def _target(kind: FollowUp, target: str) -> str:
    if target == DONE:
        return "it is closed"
    title = kind.step(target).title
    return title[:1].lower() + title[1:]
