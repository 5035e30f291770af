//! The ways out of the program while an editor or another command runs: each of them puts the
//! terminal in order, and removes the private folder.
//!
//! A signal ends the editor, and the program with it. With `exec-env` and `exec-file` it is the
//! command's: it is passed on, and what the command makes of it is the program's own end.

use std::{
    io,
    process::{Child, Command, ExitStatus},
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, Once,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{private_folder, screen::Screen};
use crate::failure::Failure;

/// The process of the editor or command, while it runs.
static CHILD: Mutex<Option<u32>> = Mutex::new(None);
/// Whether signals are the child's.
static PASSING: AtomicBool = AtomicBool::new(false);
/// Whether the command that signals were for has ended.
static OVER: AtomicBool = AtomicBool::new(false);
/// The last signal that asked for the end, or nothing.
static ASKED: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);
/// How the terminal was before the editor.
static SCREEN: Mutex<Option<Screen>> = Mutex::new(None);
/// Whether a signal asked for the end. Set by the handler itself: Ctrl-C on a terminal ends the
/// editor too, and the main thread must not take that for the editor's own failure.
static CANCELLED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Runs the editor to its end. A signal ends it, and the program.
pub(super) fn run(mut command: Command) -> io::Result<ExitStatus> {
    *lock(&SCREEN) = Screen::remember();
    let ended = start(&mut command).and_then(|mut editor| {
        wait_for_end(&editor);
        // From now on its number may be another's.
        *lock(&CHILD) = None;
        editor.wait()
    });
    // The terminal sends Ctrl-C to the editor and to this program, and the editor may be gone before
    // this program knows.
    #[cfg(unix)]
    if let Ok(status) = &ended {
        signals::cancel_as(*status);
    }
    // The thread that got the signal ends the program; what the editor said on its way out is of
    // no interest any more.
    while CANCELLED.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(50));
    }
    restore_screen();
    ended
}

/// Lets signals go to the command that will run; before that, they end the program.
pub(crate) fn pass_on() -> Result<(), Failure> {
    PASSING.store(true, Ordering::SeqCst);
    watch()
}

/// Runs a command to its end, and passes signals on to it.
pub(super) fn run_passing(command: &mut Command) -> io::Result<ExitStatus> {
    let mut child = start(command)?;
    wait_for_end(&child);
    {
        let mut process = lock(&CHILD);
        *process = None;
        OVER.store(true, Ordering::SeqCst);
    }
    child.wait()
}

/// Ends this program by the signal that ended the command, if it was asked to end by the same: who
/// waits for this program sees what it would have seen of the command.
pub(super) fn end_alike(status: ExitStatus) {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt as _;
        let asked = ASKED.load(Ordering::SeqCst);
        let same = status.signal().filter(|signal| usize::try_from(*signal) == Ok(asked));
        if let Some(signal) = same {
            // What the system refuses to do with it, as in a container's first process, is told.
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    }
    #[cfg(not(unix))]
    let _ = status;
}

fn start(command: &mut Command) -> io::Result<Child> {
    // Held meanwhile, so that a signal finds no child or one it can reach.
    let mut process = lock(&CHILD);
    let child = command.spawn()?;
    *process = Some(child.id());
    Ok(child)
}

/// Waits without letting go of the process's number.
fn wait_for_end(editor: &Child) {
    #[cfg(unix)]
    {
        use rustix::{
            io::Errno,
            process::{Pid, WaitId, WaitIdOptions, waitid},
        };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let process = Pid::from_child(editor);
        while waitid(WaitId::Pid(process), options).is_err_and(|error| error == Errno::INTR) {}
    }
    #[cfg(not(unix))]
    let _ = editor;
}

fn restore_screen() {
    if let Some(screen) = lock(&SCREEN).take() {
        screen.restore();
    }
}

fn lock<T>(mutex: &'static Mutex<T>) -> MutexGuard<'static, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Arranges, once, for the folder to go on signals and panics.
pub(super) fn watch() -> Result<(), Failure> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        // In a release the program is aborted after this hook, and nothing is dropped.
        std::panic::set_hook(Box::new(move |panic| {
            private_folder::remove();
            before(panic);
        }));
    });
    #[cfg(unix)]
    signals::watch()?;
    Ok(())
}

#[cfg(unix)]
mod signals {
    use std::{
        fs,
        os::unix::process::ExitStatusExt as _,
        process::ExitStatus,
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
        time::{Duration, Instant},
    };

    use rustix::process::{Pid, Signal, kill_process, test_kill_process};
    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2},
        iterator::{SignalsInfo, exfiltrator::raw::WithRawSiginfo},
    };

    use super::{ASKED, CANCELLED, CHILD, OVER, PASSING, lock, private_folder, restore_screen};
    use crate::{failure::Failure, status::Status};

    const ENDING: [i32; 4] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT];
    /// What a command may have a meaning for besides.
    const OTHERS: [i32; 2] = [SIGUSR1, SIGUSR2];
    /// How long an editor may take to put things in order before it is killed.
    const PATIENCE: Duration = Duration::from_secs(3);

    pub(super) fn watch() -> Result<(), Failure> {
        static WATCHING: AtomicBool = AtomicBool::new(false);
        if WATCHING.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        let failed = |error| Failure::generic(format!("unable to watch for signals: {error}"));
        let passing = PASSING.load(Ordering::SeqCst);
        // A command that is started with a signal ignored, as `nohup` does, shall find it ignored.
        let ignored = if passing { ignored() } else { 0 };
        let watched = |signal: &i32| ignored & (1 << (signal - 1)) == 0;
        let ending: Vec<i32> = ENDING.into_iter().filter(watched).collect();
        let others = OTHERS.into_iter().filter(|_| passing).filter(watched);
        let all: Vec<i32> = ending.iter().copied().chain(others).collect();
        // In this order: once the flag can be set, somebody will act on it.
        let mut signals = SignalsInfo::<WithRawSiginfo>::new(all).map_err(failed)?;
        for signal in ending {
            match (passing, usize::try_from(signal)) {
                (true, Ok(number)) => {
                    signal_hook::flag::register_usize(signal, Arc::clone(&ASKED), number)
                }
                _ => signal_hook::flag::register(signal, Arc::clone(&CANCELLED)),
            }
            .map_err(failed)?;
        }
        std::thread::spawn(move || {
            for info in signals.forever() {
                match PASSING.load(Ordering::SeqCst) {
                    true => pass(info.si_signo, info.si_code),
                    false => cancel(info.si_signo),
                }
            }
        });
        Ok(())
    }

    /// The signals that this process was started to ignore, a bit for each.
    fn ignored() -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
    }

    /// Passes a signal on to the command. What a terminal sends, by Ctrl-C for example, it sends
    /// to the command as well; a second one would mean "at once" to many.
    fn pass(signal: i32, code: i32) {
        let sent_by_a_process = if cfg!(target_os = "linux") { code <= 0 } else { true };
        let child = lock(&CHILD);
        let process = child.and_then(|child| Pid::from_raw(i32::try_from(child).ok()?));
        match (process, Signal::from_named_raw(signal)) {
            (Some(process), Some(signal)) if sent_by_a_process => {
                // It may have ended by itself.
                let _ = kill_process(process, signal);
            }
            (Some(_), _) => {}
            // It came while the command ran, and is looked at only now; or it would end what ends
            // anyway. Either way the command's end is the program's.
            (None, _) if OVER.load(Ordering::SeqCst) => {}
            (None, _) => {
                drop(child);
                private_folder::remove();
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
        }
    }

    /// Ends the program if the editor was ended by a key of the terminal.
    pub(super) fn cancel_as(editor: ExitStatus) {
        if let Some(signal @ (SIGINT | SIGQUIT)) = editor.signal() {
            cancel(signal);
        }
    }

    /// Ends the editor, removes the folder, and ends the program. The first to come does it.
    fn cancel(signal: i32) {
        static ENDING: AtomicBool = AtomicBool::new(false);
        while ENDING.swap(true, Ordering::SeqCst) {
            std::thread::park();
        }
        // Editors in a terminal take SIGINT for a key.
        end_editor(if signal == SIGHUP { Signal::HUP } else { Signal::TERM });
        restore_screen();
        private_folder::remove();
        Failure::generic("User canceled operation").print();
        std::process::exit(Status::Generic.code().into());
    }

    /// Sends the signal to the editor and all it has started, and waits until all are gone; those
    /// that stay are killed.
    fn end_editor(signal: Signal) {
        let family = {
            let editor = lock(&CHILD);
            let family = editor.map(family).unwrap_or_default();
            tell(&family, signal);
            family
        };
        let gone = || family.iter().all(|process| test_kill_process(*process).is_err());
        let wait = |limit: Duration| {
            let started = Instant::now();
            while !gone() && started.elapsed() < limit {
                std::thread::sleep(Duration::from_millis(10));
            }
        };
        wait(PATIENCE);
        if !gone() {
            tell(&family, Signal::KILL);
            wait(Duration::from_secs(1));
        }
    }

    fn tell(processes: &[Pid], signal: Signal) {
        for process in processes {
            // It may have ended by itself.
            let _ = kill_process(*process, signal);
        }
    }

    /// A process and those it has started: an editor is often started by a script. Where the
    /// system does not tell, the process alone.
    fn family(process: u32) -> Vec<Pid> {
        let mut found = vec![process];
        let mut next = 0;
        while let Some(process) = found.get(next) {
            let path = format!("/proc/{process}/task/{process}/children");
            let children = fs::read_to_string(path).unwrap_or_default();
            found.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
            next += 1;
        }
        found.iter().filter_map(|process| Pid::from_raw(i32::try_from(*process).ok()?)).collect()
    }
}
