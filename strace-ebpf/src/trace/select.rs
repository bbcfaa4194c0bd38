//! The calls that `-P` and `-e trace-fds=` choose: those that name one of the paths, or were given a descriptor that is open on
//! one, or one of the numbers. Which they are is known when the call begins.

use smallvec::SmallVec;

use crate::{decode::descriptor, plan::qualify::Descriptors, session::Call, tables::Syscall};

/// What a call must have to do with to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Paths as they were typed, and what they lead to.
    pub paths: Vec<Vec<u8>>,
    /// Descriptors.
    pub numbers: Option<Descriptors>,
}

impl Selection {
    /// Does the call have to do with one of them?
    #[must_use]
    pub fn chooses(&self, call: &Call<'_>, syscall: Option<&Syscall>) -> bool {
        let named = |syscall| descriptor::paths(call, syscall).any(|path| self.has(path));
        syscall.is_some_and(named)
            || descriptor::given(call).any(|(fd, open)| {
                let by_number = self.numbers.as_ref().is_some_and(|set| set.contains(fd));
                by_number || open.is_some_and(|open| self.has_file(&open))
            })
    }

    fn has(&self, path: &[u8]) -> bool {
        self.paths.iter().any(|wanted| wanted == path)
    }

    fn has_file(&self, opened: &descriptor::Opened<'_>) -> bool {
        let mut path = SmallVec::new();
        opened.parts().is_some_and(|parts| {
            parts.path(&mut path);
            self.has(&path)
        })
    }
}
