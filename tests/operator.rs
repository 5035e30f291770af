//! The operator against a real API server.
//!
//! Each test has a namespace of its own, an account with the rights that the chart gives, and an
//! operator that watches this namespace alone ([`stage`]).
//!
//! What is known to go wrong with operators like this one, and where it is held against ours:
//!
//! | | what goes wrong elsewhere | here |
//! |---|---|---|
//! | 1 | bills and limits of key services | `keys::objects_that_share_a_wrapped_key_cost_one_call_and_a_restart_costs_none` |
//! | 2 | everything at once at a start | `keys::a_restart_without_any_status_costs_one_call_for_each_wrapped_key_and_writes_no_secret`, `restarts::a_leader_that_is_asked_to_go_hands_over_at_once_and_only_the_lease_is_written` |
//! | 3 | the status is written for ever | `status::a_status_is_written_when_it_says_something_new_and_then_not_again` |
//! | 4 | a stale Secret looks fine | `status::what_was_repaired_leaves_nothing_stale_and_times_move_with_the_outcome_only` |
//! | 5 | a bad update deletes | `never::a_bad_update_deletes_nothing`, `never::an_object_that_lost_its_templates_is_refused_and_deletes_nothing` |
//! | 6 | two objects, one Secret | `ownership::two_objects_that_enforce_ownership_of_one_secret_do_not_fight`, `ownership::of_two_templates_with_one_name_the_first_counts_and_nothing_alternates` |
//! | 7 | another type, an immutable Secret | `building::a_type_or_an_immutable_secret_waits_for_somebody_and_is_not_tried_all_the_time` |
//! | 8 | foreground deletion never ends | `never::foreground_deletion_comes_to_its_end` |
//! | 9 | fields of another manager stay | `upgrade::what_the_original_left_is_not_written_and_its_labels_go_when_the_template_drops_them` |
//! | 10 | memory grows with foreign Secrets | `never::secrets_of_others_do_not_fill_the_memory` |
//! | 11 | values in messages | `leaks` |
//! | 15 | older versions lose templates | `compat::a_write_through_the_first_version_loses_the_templates_and_deletes_nothing` |
//! | 16 | a dead service before a key at hand | `keys::a_key_at_hand_is_tried_before_a_service_that_never_answers` |
//! | 17 | numbers and booleans | `building::numbers_and_booleans_become_their_text` |
//! | 18 | wars over labels | `building::what_others_put_on_a_secret_stays_and_what_the_template_dropped_goes` |
//! | 20 | credentials end | `keys::an_identity_that_arrives_in_its_file_opens_what_failed` |
//! | 21 | changes between two leaders | `restarts::what_happens_between_two_leaders_is_not_lost`, `restarts::what_changed_while_no_operator_ran_is_seen_by_the_next_one` |
//! | 23 | an error is taken for "no data" | `never::lists_that_cannot_be_read_delete_nothing`, `keys::an_unreachable_service_is_no_reason_to_delete` |
//! | 24 | ciphertext as a value | `never::ciphertext_is_never_written_as_a_value` |
//! | 25 | Secrets that are too large | `never::secrets_that_are_large_are_told_before_and_when_they_are_too_large` |
//! | 26 | a status that is stale or not valid | `building::a_blocking_secret_is_noticed_when_it_goes`, `status::each_text_of_the_original_is_said_in_its_case_with_conditions_that_kstatus_reads` |
//! | 27 | giving up | `keys::a_service_that_is_down_is_asked_again_until_it_is_back` |
//! | 28 | failing objects are polled | `keys::what_only_an_edit_can_heal_makes_no_calls` |
//! | 30 | a new definition breaks old objects | `compat::objects_written_for_the_original_pass_strict_validation` |
//!
//! Not here: 12 and 13 (policies), 14 (there is no webhook), 19 (gpg is not run). 22 and 29 are
//! in [`rollout`].
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that meets something unexpected fails, and the panic says where"
)]

#[path = "operator/audit.rs"]
mod audit;
#[path = "operator/building.rs"]
mod building;
#[path = "operator/compat.rs"]
mod compat;
#[path = "operator/examples.rs"]
mod examples;
#[path = "operator/faults.rs"]
mod faults;
#[path = "operator/ha.rs"]
mod ha;
#[path = "operator/harness.rs"]
mod harness;
#[path = "operator/integrity.rs"]
mod integrity;
#[path = "operator/keys.rs"]
mod keys;
#[path = "operator/killed.rs"]
mod killed;
#[path = "operator/leaks.rs"]
mod leaks;
#[path = "operator/never.rs"]
mod never;
#[path = "operator/offline.rs"]
mod offline;
#[path = "operator/ownership.rs"]
mod ownership;
#[path = "operator/refusals.rs"]
mod refusals;
#[path = "operator/restarts.rs"]
mod restarts;
#[path = "operator/rights.rs"]
mod rights;
#[path = "operator/rollout.rs"]
mod rollout;
#[path = "operator/scene.rs"]
mod scene;
#[path = "operator/services.rs"]
mod services;
#[path = "operator/stage.rs"]
mod stage;
#[path = "operator/status.rs"]
mod status;
#[path = "operator/upgrade.rs"]
mod upgrade;
