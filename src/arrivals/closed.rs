//! A closed loop: users who send, wait for the answer, think and send again.
//!
//! When the next request comes depends on when the last was answered, so the model drives this one: each user thinks
//! for a draw of `think`, sends, and begins again once the answer is there. Nothing to iterate over lives here.

pub(super) fn check(users: u32) -> Result<(), String> {
    if users == 0 {
        return Err("closed: `users` must be 1 or more".to_owned());
    }
    Ok(())
}
