//! Several keys: what a dead region costs, and what cannot be done without it.

use std::time::Duration;

use sops_tests::fault::Rule;
use sops_tests::rig::aws;

use super::place::{FILE, PLAIN, Place, refused};

/// What one call may take unless somebody says otherwise.
const DEADLINE: Duration = Duration::from_secs(10);

/// A file for the multi-region key and its replica.
fn place() -> Option<Place> {
    let place = Place::new()?;
    place.encrypt(&["--kms", &format!("{},{}", aws::MULTI_REGION, aws::REPLICA)]);
    Some(place)
}

#[test]
fn a_region_that_hangs_is_not_waited_for() {
    let Some(place) = place() else { return };
    place.kms.add(Rule::on("Decrypt").in_region(aws::REGION).hangs());
    let outcome = place.decrypt().success();
    assert_eq!(outcome.out(), PLAIN);
    assert_eq!(place.regions(), [aws::REGION, aws::SECOND_REGION]);
    assert!(outcome.took < DEADLINE, "{:?}", outcome.took);
}

#[test]
fn a_region_that_refuses_is_left_at_once() {
    let Some(place) = place() else { return };
    place.kms.add(Rule::on("Decrypt").in_region(aws::REGION).denied("not here"));
    place.opens();
    assert_eq!(place.regions(), [aws::REGION, aws::SECOND_REGION]);
}

#[test]
fn a_region_that_breaks_connections_is_not_asked_for_ever() {
    let Some(place) = place() else { return };
    place.kms.add(Rule::on("Decrypt").in_region(aws::REGION).resets());
    place.opens();
    let regions = place.regions();
    let of = |region: &str| regions.iter().filter(|asked| *asked == region).count();
    assert_eq!(of(aws::SECOND_REGION), 1, "{regions:?}");
    assert!((1..=3).contains(&of(aws::REGION)), "{regions:?}");
}

#[test]
fn a_healthy_region_is_enough() {
    let Some(place) = place() else { return };
    place.opens();
    assert_eq!(place.regions(), [aws::REGION]);
}

#[test]
fn when_all_regions_fail_each_of_them_is_told() {
    let Some(place) = place() else { return };
    place.kms.add(Rule::on("Decrypt").in_region(aws::REGION).denied("not here"));
    place.kms.add(Rule::on("Decrypt").denied("and not there"));
    let words = [aws::MULTI_REGION, aws::REPLICA, "not here", "and not there"];
    refused(&place.decrypt(), super::place::NO_KEY, &words);
    assert_eq!(place.calls(), (0, 2, 0));
}

#[test]
fn a_new_data_key_needs_all_of_its_keys() {
    let Some(place) = place() else { return };
    let before = place.scratch.read(FILE);
    place.kms.add(Rule::on("Encrypt").in_region(aws::SECOND_REGION).hangs());
    let run = place.sops_rs(&["rotate", "--in-place", FILE]).env("SOPS_KEY_TIMEOUT", "1").run();
    refused(&run, 1, &[aws::REPLICA, "no answer in time", "within 1 s", aws::SECOND_REGION]);
    assert!(run.took < DEADLINE, "{:?}", run.took);
    assert_eq!(place.calls(), (2, 1, 0));
    assert!(place.scratch.read(FILE) == before, "a file that could not be rotated was changed");
}

#[test]
fn of_three_groups_two_are_enough_where_the_file_says_so() {
    let Some(place) = Place::new() else { return };
    let config = format!(
        "creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n\
         \x20     - kms: [{{arn: '{}'}}]\n      - kms: [{{arn: '{}'}}]\n      - kms: [{{arn: '{}'}}]\n",
        aws::MAIN,
        aws::OTHER,
        aws::ELSEWHERE
    );
    place.scratch.write(".sops.yaml", config);
    place.encrypt(&[]);
    place.opens();
    // The threshold, and not one call more.
    assert_eq!(place.calls(), (0, 2, 0));
    place.forget();
    place.kms.add(Rule::on("Decrypt").with_key(aws::MAIN).denied("no"));
    place.opens();
    assert_eq!(place.calls(), (0, 3, 0));
    place.forget();
    place.kms.add(Rule::on("Decrypt").in_region(aws::REGION).denied("no"));
    refused(&place.decrypt(), super::place::NO_KEY, &["2 of them are needed, but only"]);
}
