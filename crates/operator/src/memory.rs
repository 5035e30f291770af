//! Memory that was freed goes back to the system.
//!
//! glibc keeps freed pages that lie below used ones for good: after ten thousand passes that is a
//! quarter of what the program has. musl gives them back by itself.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "a function of the C library that takes no pointer")]
pub(crate) fn give_back() {
    // SAFETY: glibc documents malloc_trim(3) as safe to call from any thread at any time. It takes
    // the number of bytes to leave at the top of the heap, and nothing that lives is moved.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn give_back() {}
