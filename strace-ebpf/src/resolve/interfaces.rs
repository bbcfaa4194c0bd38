//! Names of network interfaces, netdevice(7), as they are now in the tracer's network namespace.

/// The name of the interface with this number, with NULs at the end; nothing where there is none.
#[must_use]
pub fn name_of(index: u32) -> Option<[u8; libc::IF_NAMESIZE]> {
    let mut name = [0u8; libc::IF_NAMESIZE];
    // SAFETY: the buffer has room for the longest name.
    let found = unsafe { libc::if_indextoname(index, name.as_mut_ptr().cast()) };
    (!found.is_null()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_without_interface_have_no_name() {
        assert_eq!(name_of(0), None);
        assert_eq!(name_of(0x7fff_fff0), None);
    }
}
