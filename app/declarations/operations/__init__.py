"""Writes of declarations, by subject: starting, filling, importing, submitting, reviewing."""

from app.declarations.operations.attaching import attach_file, remove_file, rename_file
from app.declarations.operations.filling import (
    Saved,
    delete_prior_title,
    differing_fields,
    move_prior_title,
    save_field,
    save_prior_title,
)
from app.declarations.operations.finishing import (
    cancel_declaration,
    finish_declaration,
    give_up_declaration,
    mark_in_meeting,
    return_declaration,
    terminate_declaration,
    withdraw_declaration,
)
from app.declarations.operations.importing import (
    import_items,
    move_entry,
    remove_entry,
    set_education_flag,
    set_result,
)
from app.declarations.operations.reviewing import (
    accept_declaration,
    confirm_termination,
    endorse_declaration,
    move_up,
    proposer,
    recommendation_faults,
    termination_confirmer,
    vet_declaration,
    vet_forwarded,
)
from app.declarations.operations.starting import (
    Choice,
    change_specialty,
    delete_draft,
    reasons_not_to_start,
    start_declaration,
)
from app.declarations.operations.submitting import (
    check_deadline,
    last_moment,
    mended_by,
    submit_declaration,
)

__all__ = [
    "Choice",
    "Saved",
    "accept_declaration",
    "attach_file",
    "cancel_declaration",
    "change_specialty",
    "check_deadline",
    "confirm_termination",
    "delete_draft",
    "delete_prior_title",
    "differing_fields",
    "endorse_declaration",
    "finish_declaration",
    "give_up_declaration",
    "import_items",
    "last_moment",
    "mark_in_meeting",
    "mended_by",
    "move_entry",
    "move_prior_title",
    "move_up",
    "proposer",
    "reasons_not_to_start",
    "recommendation_faults",
    "remove_entry",
    "remove_file",
    "rename_file",
    "return_declaration",
    "save_field",
    "save_prior_title",
    "set_education_flag",
    "set_result",
    "start_declaration",
    "submit_declaration",
    "terminate_declaration",
    "termination_confirmer",
    "vet_declaration",
    "vet_forwarded",
    "withdraw_declaration",
]
