//! Questions at the terminal. They go to `/dev/tty` (on Windows `CONOUT$`), past redirected streams; where there is none,
//! nobody is asked.

#[cfg(unix)]
pub(super) use on_unix::passphrase;
use std::io::{BufRead as _, BufReader, Write as _};

/// Asks for something that is not shown while it is typed.
#[cfg(not(unix))]
pub(super) fn passphrase(question: &str) -> Option<zeroize::Zeroizing<String>> {
    rpassword::prompt_password(question).ok().map(zeroize::Zeroizing::new)
}

/// The device of the terminal that this program is connected with, if it has one.
#[cfg(feature = "pgp")]
pub(super) fn name() -> Option<String> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd as _;
        let (input, output, errors) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
        let name = |stream: std::os::fd::BorrowedFd<'_>| {
            rustix::termios::ttyname(stream, Vec::new()).ok()?.into_string().ok()
        };
        [input.as_fd(), errors.as_fd(), output.as_fd()].into_iter().find_map(name)
    }
    #[cfg(not(unix))]
    {
        None
    }
}

/// Asks for something that is not secret.
pub(super) fn ask(question: &str) -> Option<String> {
    // One device, or two.
    let (input, output) =
        if cfg!(windows) { ("CONIN$", "CONOUT$") } else { ("/dev/tty", "/dev/tty") };
    let open = |name: &str| std::fs::OpenOptions::new().read(true).write(true).open(name).ok();
    open(output)?.write_all(question.as_bytes()).ok()?;
    let mut line = String::new();
    BufReader::new(open(input)?).read_line(&mut line).ok()?;
    Some(line.trim_end_matches(['\n', '\r']).to_owned())
}

#[cfg(unix)]
mod on_unix {
    use std::{
        fs::File,
        io::{Read as _, Write as _},
    };

    use rustix::{
        process::{Signal, getpid, kill_process},
        termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr},
    };
    use zeroize::Zeroizing;

    /// Ctrl-C.
    const INTERRUPT: u8 = 3;

    /// Asks for something that is not shown while it is typed. Ctrl-C ends the program as it always
    /// does, once the terminal shows again what is typed.
    pub(crate) fn passphrase(question: &str) -> Option<Zeroizing<String>> {
        let mut terminal = File::options().read(true).write(true).open("/dev/tty").ok()?;
        // Before the question: somebody who types at once is not shown either.
        let silence = Silence::at(terminal.try_clone().ok()?)?;
        terminal.write_all(question.as_bytes()).ok()?;
        let line = line_of(&mut terminal);
        drop(silence);
        if let Line::Interrupted = line {
            _ = terminal.write_all(b"\n");
            _ = kill_process(getpid(), Signal::INT);
        }
        match line {
            Line::Typed(text) => Some(text),
            Line::Interrupted | Line::Nothing => None,
        }
    }

    enum Line {
        Typed(Zeroizing<String>),
        Interrupted,
        /// The end of input, a line that is no text, or one that is longer than a terminal lets
        /// anybody type.
        Nothing,
    }

    /// One line, byte by byte, so that nothing of it stays in a buffer.
    fn line_of(terminal: &mut File) -> Line {
        let mut line = Zeroizing::new(Vec::with_capacity(4096));
        let mut byte = Zeroizing::new([0]);
        loop {
            if terminal.read_exact(byte.as_mut()).is_err() {
                return Line::Nothing;
            }
            match byte[0] {
                INTERRUPT => return Line::Interrupted,
                b'\n' => {
                    let text = std::str::from_utf8(&line).ok();
                    return text.map_or(Line::Nothing, |text| Line::Typed(text.to_owned().into()));
                }
                _ if line.len() == line.capacity() => return Line::Nothing,
                other => line.push(other),
            }
        }
    }

    /// A terminal that shows nothing but line ends until this goes. Ctrl-C ends the line there
    /// instead of the program, which would leave the terminal as it is.
    struct Silence {
        terminal: File,
        before: Termios,
    }

    impl Silence {
        fn at(terminal: File) -> Option<Self> {
            let before = tcgetattr(&terminal).ok()?;
            let mut silent = before.clone();
            silent.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
            silent.local_modes.insert(LocalModes::ECHONL);
            silent.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
            tcsetattr(&terminal, OptionalActions::Now, &silent).ok()?;
            Some(Self { terminal, before })
        }
    }

    impl Drop for Silence {
        fn drop(&mut self) {
            // A terminal that is gone shows nothing either.
            _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
        }
    }
}
