"""Search attributes: what the Web UI lists and filters orders by. No personal data."""

from temporalio.common import SearchAttributeKey

STAGE = SearchAttributeKey.for_keyword("DuelineStage")
WAITING_ROLE = SearchAttributeKey.for_keyword("DuelineWaitingRole")
CUSTOMER = SearchAttributeKey.for_keyword("DuelineCustomer")
PROFILE = SearchAttributeKey.for_keyword("DuelineProfile")
SLACK = SearchAttributeKey.for_keyword("DuelineSlaState")
LEVEL = SearchAttributeKey.for_int("DuelineEscalationLevel")
NEXT_DUE = SearchAttributeKey.for_datetime("DuelineNextDue")
PROMISED_AT = SearchAttributeKey.for_datetime("DuelinePromisedAt")
RUSH = SearchAttributeKey.for_bool("DuelineRush")
SINCE = SearchAttributeKey.for_datetime("DuelineStepSince")
HELD = SearchAttributeKey.for_bool("DuelineOnHold")

SEARCH_ATTRIBUTES: dict[str, str] = {
    STAGE.name: "Keyword",
    WAITING_ROLE.name: "Keyword",
    CUSTOMER.name: "Keyword",
    PROFILE.name: "Keyword",
    SLACK.name: "Keyword",
    LEVEL.name: "Int",
    NEXT_DUE.name: "Datetime",
    PROMISED_AT.name: "Datetime",
    RUSH.name: "Bool",
    SINCE.name: "Datetime",
    HELD.name: "Bool",
}
"""Name to type, as the engine registers them. SQL visibility holds at most 10 keywords and 3
each of the others."""
