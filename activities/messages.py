"""How a notice reads on a channel: one by itself, or several as one digest."""

from collections.abc import Sequence
from typing import Literal

from store.outbox import Notice

Language = Literal["en", "zh", "both"]

FAMILIES = {
    "task": ("Task", "待办任务"),
    "window": ("Due line", "时限提醒"),
    "case": ("Overdue case", "超期处理"),
    "measure": ("Corrective action", "整改"),
    "delay": ("Delay", "延期"),
    "promise": ("Promised date", "交期"),
    "change": ("Order change", "订单变更"),
    "cancellation": ("Cancellation", "订单取消"),
    "receipt": ("Receipt", "收货确认"),
    "shipped": ("Shipment", "发货"),
    "order": ("Order", "订单"),
    "payment": ("Payment", "款项"),
    "calendar": ("Calendar", "日历"),
    "assessment": ("Assessment", "考核"),
    "webhook": ("Webhook", "事件推送"),
    "test": ("Test", "测试"),
}
"""What notices are about: their kind is one of these words, or begins with it and `_`."""

_CUT = "…"


def title(notices: Sequence[Notice], language: Language) -> str:
    """What the notices are about, in a few words."""
    if len(notices) > 1:
        words = f"{len(notices)} notices", f"{len(notices)} 条通知"
    else:
        words = FAMILIES.get(family(notices[0].kind), ("Notice", "通知"))
    match language:
        case "en":
            return f"Dueline: {words[0]}"
        case "zh":
            return f"Dueline {words[1]}"
        case "both":
            return f"Dueline {words[1]} / {words[0]}"


def family(kind: str) -> str:
    """What a kind of notice is about: `window` for `window_breach` and for `windows_many`."""
    return kind.partition("_")[0].removesuffix("s")


def body(notice: Notice, language: Language) -> str:
    """The notice's text; English where it has no Chinese."""
    texts = {
        "en": (notice.text,),
        "zh": (notice.text_zh or notice.text,),
        "both": (notice.text_zh, notice.text),
    }
    return "\n".join(filter(None, texts[language]))


def digest(
    notices: Sequence[Notice], language: Language, bytes_max: int
) -> tuple[str, Sequence[Notice]]:
    """As many of the notices as fit into `bytes_max`, from the first on, and their text.

    One that stands alone is not numbered; if it is too long by itself, its end is cut off.
    """
    if len(notices) == 1:
        return _cut(body(notices[0], language), bytes_max), notices
    text = ""
    for number, notice in enumerate(notices, start=1):
        longer = f"{text}\n{number}. {body(notice, language)}".lstrip()
        if len(longer.encode()) > bytes_max:
            fitting = notices[: number - 1]
            # A digest of one is no digest.
            if len(fitting) < 2:
                return digest(notices[:1], language, bytes_max)
            return text, fitting
        text = longer
    return text, notices


def _cut(text: str, bytes_max: int) -> str:
    if len(text.encode()) <= bytes_max:
        return text
    room = bytes_max - len(_CUT.encode())
    return text.encode()[:room].decode(errors="ignore") + _CUT
