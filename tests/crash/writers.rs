//! Several of these programs on one file: they take turns, nobody's change is lost, and whoever
//! reads meanwhile reads a whole file.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use sops_tests::scratch::Scratch;

use super::case::Case;

const WRITERS: usize = 3;
const TURNS: usize = 6;

#[test]
fn all_changes_of_parallel_writers_are_there_in_the_end() {
    let names: Vec<String> = (0..WRITERS).map(|writer| format!("w{writer}")).collect();
    let text =
        |value: usize| names.iter().map(|name| format!("{name}: {value}\n")).collect::<String>();
    let case = Case::changes("a.yaml", &["rotate", "--in-place"], [&text(0), &text(TURNS)]);
    let scratch = Scratch::new();
    let rotate = case.prepare(&scratch);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> = names
            .iter()
            .map(|name| {
                let (case, scratch, rotate) = (&case, &scratch, &rotate);
                scope.spawn(move || {
                    for turn in 1..=TURNS {
                        let (path, value) = (format!("[\"{name}\"]"), turn.to_string());
                        let set = ["set", "a.yaml", &path, &value];
                        case.sops_rs(scratch, &set).run().success();
                        // A new data key under the others' feet.
                        if turn == TURNS / 2 {
                            rotate.run().success();
                        }
                    }
                })
            })
            .collect();
        let reader = scope.spawn(|| {
            let mut read = 0;
            while !done.load(Ordering::SeqCst) {
                let opened = case.sops_rs(&scratch, &["decrypt", "a.yaml"]).run().success();
                assert_eq!(opened.out().lines().count(), WRITERS, "{opened}");
                read += 1;
            }
            read
        });
        let ended: Vec<_> = writers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::SeqCst);
        assert!(reader.join().expect("each read succeeds") > 0);
        assert!(ended.iter().all(Result::is_ok), "each write succeeds");
    });
    case.opens_as_new(&scratch, "a.yaml");
    assert_eq!(case.strays(&scratch), [""; 0]);
}
