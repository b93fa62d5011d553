"""Why a window was missed: the cause codes of an overdue case (catalogue 4.3)."""

from enum import StrEnum

CUSTOMERS = "CUSTOMER_"


class Cause(StrEnum):
    """A cause code; those that begin with CUSTOMER_ charge nobody inside the company."""

    PRODUCTION = "PRODUCTION"
    LOGISTICS = "LOGISTICS"
    CUSTOMER_CHANGE = "CUSTOMER_CHANGE"
    INTERNAL_COMMUNICATION = "INTERNAL_COMMUNICATION"
    PURCHASING = "PURCHASING"
    MATERIAL_SHORT = "MATERIAL_SHORT"
    SUPPLIER_LATE = "SUPPLIER_LATE"
    FUNDS_TIGHT = "FUNDS_TIGHT"
    CAPACITY = "CAPACITY"
    STAFF_OR_EQUIPMENT = "STAFF_OR_EQUIPMENT"
    DESIGN_LATE_OR_WRONG = "DESIGN_LATE_OR_WRONG"
    CUSTOMER_CONFIRM_LATE = "CUSTOMER_CONFIRM_LATE"
    CUSTOMER_PAYMENT_LATE = "CUSTOMER_PAYMENT_LATE"
    CUSTOMER_PICKUP_LATE = "CUSTOMER_PICKUP_LATE"
    QUALITY_REWORK = "QUALITY_REWORK"
    CARRIER = "CARRIER"
    ORDER_DATA_WRONG = "ORDER_DATA_WRONG"
    CLERK_ERROR = "CLERK_ERROR"
    APPROVAL_SLOW = "APPROVAL_SLOW"
    EMERGENCY = "EMERGENCY"
    OTHER = "OTHER"

    @property
    def words(self) -> str:
        """The cause as a reader says it: `customer confirm late`."""
        return self.value.replace("_", " ").lower()

    @property
    def zh(self) -> str:
        """The Chinese term."""
        return _CHINESE[self]


_CHINESE = {
    Cause.PRODUCTION: "生产原因",
    Cause.LOGISTICS: "物流原因",
    Cause.CUSTOMER_CHANGE: "客户变更",
    Cause.INTERNAL_COMMUNICATION: "内部沟通不畅",
    Cause.PURCHASING: "采购原因",
    Cause.MATERIAL_SHORT: "物料短缺",
    Cause.SUPPLIER_LATE: "供应商延误",
    Cause.FUNDS_TIGHT: "资金紧张",
    Cause.CAPACITY: "产能不足",
    Cause.STAFF_OR_EQUIPMENT: "人员或设备原因",
    Cause.DESIGN_LATE_OR_WRONG: "设计延误或错误",
    Cause.CUSTOMER_CONFIRM_LATE: "客户确认延误",
    Cause.CUSTOMER_PAYMENT_LATE: "客户付款延误",
    Cause.CUSTOMER_PICKUP_LATE: "客户提货延误",
    Cause.QUALITY_REWORK: "质量返工",
    Cause.CARRIER: "承运商原因",
    Cause.ORDER_DATA_WRONG: "订单资料错误",
    Cause.CLERK_ERROR: "经办人差错",
    Cause.APPROVAL_SLOW: "审批缓慢",
    Cause.EMERGENCY: "紧急插单或突发事件",
    Cause.OTHER: "其他原因",
}


def is_customers(cause: Cause) -> bool:
    """Whether nobody inside the company is charged for it."""
    return cause.value.startswith(CUSTOMERS)
