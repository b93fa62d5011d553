"""Who acts: the 25 roles of the regulations, reduced to those that hold tasks or keys."""

from enum import StrEnum


class Role(StrEnum):
    """A duty, not a person; a person's key may hold several."""

    CUSTOMER = "customer"
    SALES = "sales"
    SALES_MANAGER = "sales_manager"
    ORDER_DESK = "order_desk"
    CUSTOMER_SERVICE = "customer_service"
    TECHNICAL = "technical"
    PLANNING = "planning"
    PRODUCTION = "production"
    PURCHASING = "purchasing"
    WAREHOUSE = "warehouse"
    QUALITY = "quality"
    LOGISTICS = "logistics"
    FINANCE = "finance"
    DEPARTMENT_HEAD = "department_head"
    LEADERSHIP = "leadership"
    CONTROL = "control"
    OPERATIONS = "operations"

    @property
    def zh(self) -> str:
        """The Chinese term of the regulations."""
        return _CHINESE[self]

    @property
    def words(self) -> str:
        """The role as a reader says it: `sales manager`."""
        return self.value.replace("_", " ")


_CHINESE = {
    Role.CUSTOMER: "客户",
    Role.SALES: "销售部",
    Role.SALES_MANAGER: "销售部经理",
    Role.ORDER_DESK: "订单管理部",
    Role.CUSTOMER_SERVICE: "客服部",
    Role.TECHNICAL: "技术部",
    Role.PLANNING: "计划部",
    Role.PRODUCTION: "生产部",
    Role.PURCHASING: "采购部",
    Role.WAREHOUSE: "仓储部",
    Role.QUALITY: "质检部",
    Role.LOGISTICS: "物流部",
    Role.FINANCE: "财务部",
    Role.DEPARTMENT_HEAD: "部门负责人",
    Role.LEADERSHIP: "总经理",
    Role.CONTROL: "行政部",
    Role.OPERATIONS: "系统运维",
}

PLATFORM = "platform"
"""Stands where the key's name would, when nobody did it."""

STAFF: frozenset[Role] = frozenset(Role) - {Role.CUSTOMER}
"""Everybody inside the company."""

MAY_AGREE: frozenset[Role] = frozenset({Role.OPERATIONS, Role.LEADERSHIP, Role.CONTROL})
"""Who may be the second pair of eyes when operations skips a step."""
