//! The rights of a user, to be taken by the command: passwd(5) and group(5) by way of the C library.

use std::ffi::CString;

use super::launch::LaunchError;

/// User, group, and supplementary groups.
#[derive(Debug, PartialEq, Eq)]
pub struct Rights {
    uid: libc::uid_t,
    gid: libc::gid_t,
    groups: Vec<libc::gid_t>,
}

/// Room for the strings of an entry; larger ones are not found.
const ENTRY_BYTES: usize = 64 * 1024;

impl Rights {
    /// Looks them up.
    pub fn of(user: &str) -> Result<Self, LaunchError> {
        // SAFETY: a number is returned.
        if unsafe { libc::geteuid() } != 0 {
            return Err(LaunchError::User(
                "You must be root to use the -u/--username option".to_owned(),
            ));
        }
        if user.contains(':') {
            let bad = || LaunchError::User(format!("Invalid UID:GID pair '{user}'"));
            return Self::of_numbers(user).ok_or_else(bad);
        }
        Self::look_up(user).ok_or_else(|| LaunchError::User(format!("Cannot find user '{user}'")))
    }

    /// `UID:GID`, without supplementary groups: nobody is asked who that is.
    fn of_numbers(pair: &str) -> Option<Self> {
        // All ones leave the number as it is.
        let number = |text: &str| text.parse().ok().filter(|number| *number != u32::MAX);
        let (uid, gid) = pair.split_once(':')?;
        Some(Self {
            uid: number(uid)?,
            gid: number(gid)?,
            groups: Vec::new(),
        })
    }

    fn look_up(user: &str) -> Option<Self> {
        let name = CString::new(user).ok()?;
        let mut strings = vec![0; ENTRY_BYTES];
        let mut found = std::ptr::null_mut();
        // SAFETY: zero is a valid value of every field; the buffer is as long as is said.
        let (uid, gid) = unsafe {
            let mut entry: libc::passwd = std::mem::zeroed();
            libc::getpwnam_r(
                name.as_ptr(),
                &mut entry,
                strings.as_mut_ptr(),
                strings.len(),
                &mut found,
            );
            if found.is_null() {
                return None;
            }
            (entry.pw_uid, entry.pw_gid)
        };
        let mut groups = vec![0; 64];
        loop {
            let mut count = libc::c_int::try_from(groups.len()).ok()?;
            // SAFETY: room for `count` groups.
            let got =
                unsafe { libc::getgrouplist(name.as_ptr(), gid, groups.as_mut_ptr(), &mut count) };
            let count = usize::try_from(count).ok()?;
            let enough = got >= 0;
            groups.resize(count, 0);
            if enough {
                return Some(Self { uid, gid, groups });
            }
        }
    }

    /// Takes them; false, with errno, if that is not permitted. By the system calls themselves,
    /// which are async-signal-safe: the C library's wrappers tell other threads.
    pub fn take(&self) -> bool {
        let (uid, gid) = (self.uid, self.gid);
        // SAFETY: plain numbers, and a vector of the length that is said.
        unsafe {
            libc::syscall(libc::SYS_setgroups, self.groups.len(), self.groups.as_ptr()) == 0
                && libc::syscall(libc::SYS_setresgid, gid, gid, gid) == 0
                && libc::syscall(libc::SYS_setresuid, uid, uid, uid) == 0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_name() {
        let root = Rights::look_up("root").expect("every system has one");
        assert_eq!((root.uid, root.gid), (0, 0));
        assert!(root.groups.contains(&0));
        for name in ["no-such-user-anywhere", "", "a\0b"] {
            assert_eq!(Rights::look_up(name), None, "{name}");
        }
        let pair = Rights::of_numbers("5:7").expect("numbers");
        assert_eq!((pair.uid, pair.gid, pair.groups.len()), (5, 7, 0));
        for bad in [":", "5:", ":7", "5:x", "5:7:9", "-1:0", "4294967295:0"] {
            assert_eq!(Rights::of_numbers(bad), None, "{bad}");
        }
    }
}
