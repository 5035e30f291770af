//! The terminal as it was before an editor: an editor that is ended by a signal may leave it
//! without echo and line ends.

#[cfg(unix)]
pub(super) use self::unix::Screen;

/// Other systems reset their terminals by themselves.
#[cfg(not(unix))]
pub(super) struct Screen;

#[cfg(not(unix))]
impl Screen {
    pub(super) fn remember() -> Option<Self> {
        None
    }

    pub(super) fn restore(&self) {}
}

#[cfg(unix)]
mod unix {
    use std::{
        fs::{File, OpenOptions},
        io::Write as _,
    };

    use rustix::{
        process::getpgrp,
        termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr},
    };

    use crate::env_vars;

    /// Back from the other screen to the one with the lines before, the cursor visible, and no
    /// reports of mouse, focus and pasting. On a terminal where none of that is on, or that knows
    /// nothing of it, nothing happens.
    const PLAIN: &str = "\x1b[?1047l\x1b[?25h\x1b[?1l\x1b>\x1b[?1000l\x1b[?1002l\x1b[?1003l\
                         \x1b[?1004l\x1b[?1006l\x1b[?2004l\x1b[0m\r\n";

    /// The controlling terminal and its settings.
    pub(in super::super) struct Screen {
        terminal: File,
        settings: Termios,
    }

    impl Screen {
        /// Looks at the terminal, if there is one.
        pub(in super::super) fn remember() -> Option<Self> {
            let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
            let settings = tcgetattr(&terminal).ok()?;
            Some(Self { terminal, settings })
        }

        /// Puts it in order again, unless the editor has done so.
        pub(in super::super) fn restore(mut self) {
            let Ok(now) = tcgetattr(&self.terminal) else { return };
            let same = now.local_modes == self.settings.local_modes
                && now.input_modes == self.settings.input_modes
                && now.output_modes == self.settings.output_modes
                && now.control_modes == self.settings.control_modes;
            // A process in the background would be stopped by trying.
            if same || tcgetpgrp(&self.terminal) != Ok(getpgrp()) {
                return;
            }
            let was_raw = !self.settings.local_modes.contains(LocalModes::ICANON);
            let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.settings);
            if !was_raw
                && !now.local_modes.contains(LocalModes::ICANON)
                && env_vars::TERM.text().is_some_and(|term| term != "dumb")
            {
                let _ = self.terminal.write_all(PLAIN.as_bytes());
            }
        }
    }
}
