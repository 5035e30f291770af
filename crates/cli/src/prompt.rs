//! Yes or no, asked on standard error and answered on standard input (CLI §4.7).

use std::io::{self, BufRead as _, IsTerminal as _};

use crate::failure::{self, Failure};

/// Asks until the answer is `y` or `n`; anything else, an empty line too, is no answer. The end
/// of the input aborts.
pub(crate) fn confirm(question: &str) -> Result<bool, Failure> {
    loop {
        failure::ask(question);
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line);
        // A terminal shows the end of the line that was typed; nothing else does.
        if !io::stdin().is_terminal() {
            failure::note("");
        }
        match read {
            Ok(0) => return Err(Failure::generic("EOF").hint("say --yes to go on without asking")),
            Err(error) => return Err(Failure::generic(failure::os_words(&error))),
            Ok(_) => match line.trim() {
                "y" => return Ok(true),
                "n" => return Ok(false),
                _ => {}
            },
        }
    }
}
