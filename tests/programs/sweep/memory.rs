//! What pointers lead to: pages at fixed addresses below 4 GiB, each filled in its own way, with nothing behind them.

const PAGE: u64 = 4096;
/// The first page.
const START: u64 = 0x2000_0000;
/// Pages, each followed by one that is not there.
const FILLS: u64 = 10;

/// Address of one of the pages.
fn page(n: u64) -> u64 {
    START + n % FILLS * 2 * PAGE
}

/// An address from a draw: mostly the start of a page, else within, and unless the call succeeds, which it would not with
/// such, before its end, or behind it.
pub fn address(good: bool, draw: &mut impl FnMut(u64) -> u64) -> u64 {
    let page = page(draw(FILLS));
    match draw(16) {
        0..4 if good => page,
        0 => page + PAGE,
        1 => page + PAGE - 1,
        2 => page + PAGE - 4 * (1 + draw(40)),
        3 => page + PAGE - 8 * (1 + draw(40)),
        4 => page + 4 * draw(200),
        5 => page + 8 * draw(100),
        6 => page + draw(2000),
        _ => page,
    }
}

/// Maps the pages and fills them.
pub fn map() -> Result<(), std::io::Error> {
    for n in 0..FILLS {
        // SAFETY: fresh memory at an address that nothing else has.
        let at = unsafe {
            libc::mmap(
                page(n) as *mut _,
                PAGE as usize,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE,
                -1,
                0,
            )
        };
        if at as u64 != page(n) {
            return Err(std::io::Error::last_os_error());
        }
        // SAFETY: mapped just now, and this is the only reference.
        fill(n, unsafe { &mut *at.cast::<[u64; 512]>() });
    }
    Ok(())
}

fn fill(n: u64, words: &mut [u64; 512]) {
    let mut state = n + 1;
    let mut random = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state >> 20
    };
    for (i, word) in (0u64..).zip(words.iter_mut()) {
        *word = match n {
            0 => 0,
            1 if i == 300 => 0,
            1 => u64::MAX,
            // Small numbers, 8, 4 and 2 bytes wide.
            2 => random() % 8,
            3 => (random() % 12) | ((random() % 12) << 32),
            4 => (0..4).fold(0, |all, part| all | ((random() % 24) << (16 * part))),
            // Pointers to the other pages, 8 and 4 bytes wide.
            5 => page(i),
            6 => page(2 * i) | page(2 * i + 1) << 32,
            // Text, with a NUL now and then.
            7 => (0..8).fold(0, |all, part| {
                let letter = if random() % 23 == 0 {
                    0
                } else {
                    b'a' as u64 + random() % 26
                };
                all | letter << (8 * part)
            }),
            // A pointer and a length.
            8 if i % 2 == 0 => page(i / 2),
            8 => random() % 20,
            // Anything.
            _ => random() << 32 | random() & 0xffff_ffff,
        };
    }
}
