"""Writes of a review meeting, in the order in which a meeting happens."""

from app.review.operations.ballot import (
    cast,
    check_in,
    close_ballot,
    collect_key,
    open_ballot,
    prepare_roll,
    recall_roll,
    supervisors_for,
)
from app.review.operations.carding import give_cards, take_card, term_of
from app.review.operations.cases import (
    add_case,
    group_all,
    group_cases,
    remove_case,
)
from app.review.operations.members import add_member, move_member, remove_member
from app.review.operations.recusals import lift_recusal, recuse, recuse_colleagues
from app.review.operations.replacing import replace_reviewer
from app.review.operations.reviewers import (
    appoint_directors,
    appoint_leaders,
    assign_all,
    assign_evenly,
    assign_reviewers,
    finish_assignment,
)
from app.review.operations.scoring import (
    Mark,
    confirm_case,
    confirm_standard,
    score_case,
    start_material_reviews,
)
from app.review.operations.setup import (
    MeetingFacts,
    add_group,
    add_indicator,
    approve_scheme,
    create_meeting,
    finish_set_up,
    keep_scheme,
    remove_group,
    remove_indicator,
)
from app.review.operations.tallying import (
    close_meeting,
    confirm_result,
    report_meeting,
    return_report,
)
from app.review.operations.timing import change_time, check_new_time

__all__ = [
    "Mark",
    "MeetingFacts",
    "add_case",
    "add_group",
    "add_indicator",
    "add_member",
    "appoint_directors",
    "appoint_leaders",
    "approve_scheme",
    "assign_all",
    "assign_evenly",
    "assign_reviewers",
    "cast",
    "change_time",
    "check_in",
    "check_new_time",
    "close_ballot",
    "close_meeting",
    "collect_key",
    "confirm_case",
    "confirm_result",
    "confirm_standard",
    "create_meeting",
    "finish_assignment",
    "finish_set_up",
    "give_cards",
    "group_all",
    "group_cases",
    "keep_scheme",
    "lift_recusal",
    "move_member",
    "open_ballot",
    "prepare_roll",
    "recall_roll",
    "recuse",
    "recuse_colleagues",
    "remove_case",
    "remove_group",
    "remove_indicator",
    "remove_member",
    "replace_reviewer",
    "report_meeting",
    "return_report",
    "score_case",
    "start_material_reviews",
    "supervisors_for",
    "take_card",
    "term_of",
]
