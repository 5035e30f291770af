//! Runs a program on a terminal of its own, for what it does only there: asking, and reopening an
//! editor.
//!
//! The terminal is also the controlling one, so a program that opens `/dev/tty` to ask for a
//! passphrase finds it.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::need;
use crate::run::Run;

/// Long enough for a busy machine; a program that asks for nothing fails the test by then.
const LIMIT: Duration = Duration::from_secs(60);

/// A program on its terminal.
#[derive(Debug)]
pub struct Session {
    child: Child,
    keyboard: File,
    screen: Arc<Screen>,
    reader: thread::JoinHandle<()>,
}

/// Everything that was written to the terminal so far.
#[derive(Debug, Default)]
struct Screen {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    ended: bool,
}

impl Session {
    /// Starts the program with all three streams on a new terminal. `None` where `setsid` is
    /// missing and that is no failure.
    #[track_caller]
    pub fn start(run: &Run) -> Option<Self> {
        let setsid = need::program("setsid")?;
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&controller).and_then(|()| unlockpt(&controller)).expect("a usable terminal");
        let name = ptsname(&controller, Vec::new()).expect("a terminal has a name");
        let name = name.to_str().expect("its name is text");
        let terminal = File::options().read(true).write(true).open(name).expect("it can be opened");
        let copy = || Stdio::from(terminal.try_clone().expect("a file can be shared"));
        let mut command = run.clone().behind(setsid, ["--ctty", "--wait"]).command();
        let child = command.stdin(copy()).stdout(copy()).stderr(copy()).spawn();
        let child = child.expect("setsid can be started");
        // The last one here: when the program ends too, reading says so.
        drop((command, terminal));

        let keyboard = File::from(controller);
        let mut source = keyboard.try_clone().expect("a file can be shared");
        let screen = Arc::new(Screen::default());
        let reader = thread::spawn({
            let screen = Arc::clone(&screen);
            move || screen.fill(&mut source)
        });
        Some(Self { child, keyboard, screen, reader })
    }

    /// Waits until the program has written this.
    #[track_caller]
    pub fn expect(&self, text: &str) {
        let started = Instant::now();
        let mut state = self.screen.state.lock().expect("the reader does not panic");
        loop {
            let shown = String::from_utf8_lossy(&state.bytes).into_owned();
            if shown.contains(text) {
                return;
            }
            let waited = started.elapsed();
            assert!(!state.ended && waited < LIMIT, "{text:?} was not written; this was:\n{shown}");
            let woken = self.screen.changed.wait_timeout(state, LIMIT - waited);
            state = woken.expect("the reader does not panic").0;
        }
    }

    /// Types text; a line ends with `\n`.
    pub fn enter(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).expect("a terminal takes text");
    }

    /// Waits for the end; gives the status and all that was written, with `\r\n` line ends.
    #[track_caller]
    pub fn finish(mut self) -> (ExitStatus, String) {
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                break status;
            }
            if started.elapsed() > LIMIT {
                self.child.kill().expect("a child can be killed");
                let _ = self.child.wait();
                panic!(
                    "the program on the terminal did not end; this was written:\n{}",
                    self.screen.text()
                );
            }
            thread::sleep(Duration::from_millis(5));
        };
        self.reader.join().expect("the reader does not panic");
        (status, self.screen.text())
    }
}

impl Screen {
    fn text(&self) -> String {
        let state = self.state.lock().expect("the reader does not panic");
        String::from_utf8_lossy(&state.bytes).into_owned()
    }

    /// Copies until the program has closed the terminal, which reads as an error on Linux.
    fn fill(&self, source: &mut File) {
        let mut part = [0; 4096];
        loop {
            let read = source.read(&mut part).unwrap_or(0);
            let mut state = self.state.lock().expect("readers do not panic while they look");
            state.bytes.extend_from_slice(&part[..read]);
            state.ended = read == 0;
            self.changed.notify_all();
            if state.ended {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_asks_on_its_terminal_and_is_answered() {
        let script =
            "test -t 0 && printf 'name? ' >/dev/tty && read name </dev/tty && echo \"<$name>\"";
        let Some(mut session) = Session::start(&Run::program("/bin/sh", ["-c", script])) else {
            return;
        };
        session.expect("name? ");
        session.enter("x y\n");
        let (status, text) = session.finish();
        assert!(status.success() && text.contains("<x y>"), "{status}: {text}");
    }
}
