"""The lifecycle stages that the regulations name, L01 to L38."""

from enum import StrEnum


class Stage(StrEnum):
    """A named part of an order's life; a profile's step belongs to one."""

    MARKET = "L01"
    INQUIRY = "L02"
    QUOTE = "L03"
    INTAKE = "L04"
    REGISTRATION = "L05"
    COMPLETENESS = "L06"
    CONFIRMATION = "L07"
    CLASSIFICATION = "L08"
    CREDIT = "L09"
    REVIEW = "L10"
    CONTRACT = "L11"
    TASK_RELEASE = "L12"
    PLANNING = "L13"
    PLAN_APPROVAL = "L14"
    MATERIAL = "L15"
    PURCHASE = "L16"
    ISSUE = "L17"
    PRODUCTION = "L18"
    TRACKING = "L19"
    IN_PROCESS_QC = "L20"
    FINAL_QC = "L21"
    AGEING = "L22"
    STOCK_IN = "L23"
    PACKING = "L24"
    BALANCE = "L25"
    PRE_SHIP_CHECK = "L26"
    SHIPPING_RELEASE = "L27"
    DISPATCH = "L28"
    LOGISTICS_TRACKING = "L29"
    NOTIFICATION = "L30"
    RECEIPT = "L31"
    SETTLEMENT = "L32"
    SURVEY = "L33"
    AFTER_SALES = "L34"
    RETURNS = "L35"
    COMPLAINT = "L36"
    ARCHIVE = "L37"
    ASSESSMENT = "L38"

    @property
    def words(self) -> str:
        """The stage as a reader says it: `final QC`."""
        return self.name.replace("_", " ").lower().replace("qc", "QC")

    @property
    def zh(self) -> str:
        """The Chinese term of the regulations."""
        return _CHINESE[int(self.value[1:]) - 1]


_CHINESE = (
    "市场拓展",
    "询价",
    "打样报价",
    "订单接收",
    "登记",
    "完整性检查",
    "客户确认",
    "分类",
    "资信审核",
    "部门评审",
    "合同评审",
    "任务下达",
    "生产计划",
    "计划审批",
    "物料核查",
    "采购",
    "领料",
    "生产",
    "进度跟踪",
    "过程检验",
    "终检",
    "老化测试",
    "入库",
    "包装",
    "催余款",
    "发货前核对",
    "出库会签",
    "发货",
    "物流跟踪",
    "发货通知",
    "签收",
    "结算",
    "满意度",
    "售后",
    "退换货",
    "投诉",
    "归档",
    "考核",
)
