//! Real command lines for `counts`: what each needs, and what strace itself cannot repeat.

/// A command line, run by `sh` in a fresh directory after `setup`.
pub struct Case {
    pub setup: &'static str,
    pub command: &'static str,
    /// Calls whose number differs between two runs of strace itself, and why.
    pub except: &'static [(&'static str, &'static str)],
}

const fn case(setup: &'static str, command: &'static str) -> Case {
    Case {
        setup,
        command,
        except: &[],
    }
}

/// Some files with some text, older than a second so that git does not look twice.
const TREE: &str = "mkdir -p tree/a/b tree/c && for i in 1 2 3 4 5 6 7 8 9; do seq $i 900 >tree/a/$i.txt; \
    seq 40 >tree/a/b/$i; ln -s ../a/$i.txt tree/c/$i; done && find tree -exec touch -h -d 2020-01-01 {} +";
const REPO: &str = "git init -q . && seq 100 >one && seq 200 >two && touch -d 2020-01-01 one two && \
    git add . && git commit -q -m first && seq 300 >two && touch -d 2020-01-02 two && git commit -q -a -m second";

pub const COREUTILS: &[Case] = &[
    case(TREE, "ls -la /usr/share"),
    case(TREE, "ls -R tree"),
    case(TREE, "cat tree/a/1.txt tree/a/2.txt missing"),
    case(TREE, "cp -r tree copy"),
    case(TREE, "mv tree/a/1.txt tree/moved"),
    case(TREE, "rm -r tree"),
    case(TREE, "ln -s tree link"),
    case(TREE, "chmod -R go-r tree"),
    case(TREE, "touch new tree/a/3.txt"),
    case("", "mkdir -p x/y/z"),
    case(TREE, "sort -r tree/a/1.txt"),
    case(TREE, "wc -l tree/a/1.txt tree/a/2.txt"),
    case(TREE, "head -n 3 tree/a/1.txt"),
    case(TREE, "tail -n 3 tree/a/1.txt"),
    case(TREE, "cut -c 1-2 tree/a/1.txt"),
    case("", "seq 1 20000"),
    case("", "dd if=/dev/zero of=out bs=512 count=500"),
    case(TREE, "stat tree missing"),
    case(TREE, "md5sum tree/a/1.txt tree/a/2.txt"),
    case(TREE, "du -s tree"),
    case("", "date -u"),
    case("", "env true"),
    case("", "id -u"),
];

pub const FILES: &[Case] = &[
    case(TREE, "find tree -name '*.txt'"),
    case(TREE, "find tree -type f -exec wc -c {} ;"),
    case(TREE, "find tree -type f -exec grep -c 7 {} +"),
    case(TREE, "grep -r 42 tree"),
    case(TREE, "sed -i s/1/one/ tree/a/1.txt"),
    case(TREE, "awk '{n+=$1} END {print n}' tree/a/1.txt"),
    case(TREE, "tar cf tree.tar tree"),
    case(
        "mkdir tree; seq 90 >tree/a; ln tree/a tree/b; tar cf tree.tar tree; rm -r tree",
        "tar xf tree.tar",
    ),
    case(TREE, "gzip -k tree/a/1.txt"),
    case("", "git init new"),
    case(REPO, "git status"),
    case(REPO, "git log --stat"),
    case(REPO, "git diff HEAD~1"),
    case(REPO, "git branch side"),
];

pub const SHELLS: &[Case] = &[
    case(
        "",
        "python3 -S -E -c 'import os, json; print(json.dumps({\"pid\": os.getpid() > 1}))'",
    ),
    case(
        TREE,
        "python3 -S -E -c 'import os; print(sum(len(f) for _, _, f in os.walk(\"tree\")))'",
    ),
    case(
        "",
        "python3 -S -E -c 'import subprocess; print(subprocess.run([\"/bin/true\"]).returncode)'",
    ),
    case(
        "",
        "sh -c 'seq 100 | (sort -n; sleep 0.1) | (tail -n 1; sleep 0.2)'",
    ),
    case(
        "",
        "sh -c '(cd / && pwd); x=$(echo hi); echo $x; (exit 3); echo $?'",
    ),
    case("", "sh -c 'for i in 1 2 3 4 5 6 7 8; do /bin/true; done'"),
    case("", "sh -c 'kill -TERM $$'"),
    case(
        "",
        "sh -c 'trap \"echo caught\" USR1; kill -USR1 $$; exit 5'",
    ),
    case("", "sh -c 'no-such-command; exec /bin/echo end'"),
    case(
        "",
        "bash -c 'for i in 1 2 3; do echo $(/bin/echo $i); done; exec true'",
    ),
    case(
        "",
        "perl -e 'for (1..5) { fork or exit 3; wait; } print \"done\\n\"'",
    ),
    case(TREE, "xargs -a tree/a/b/1 -n 8 /bin/echo"),
];

const WAITING: &str = "a thread waits only when another is slower";
const ARENA: &str = "a thread trims its malloc arena by where the kernel put it";

pub const PROGRAMS: &[Case] = &[
    Case {
        setup: "",
        command: "@calls --threads 4 --calls 500 --call mixed",
        except: &[("futex", WAITING), ("munmap", ARENA)],
    },
    Case {
        setup: "",
        command: "@blocked --threads 8 --ms 100",
        except: &[("futex", WAITING), ("munmap", ARENA)],
    },
    Case {
        setup: "",
        command: "@thread_exec -- /bin/echo hi",
        except: &[("munmap", ARENA)],
    },
    case("", "@forks --children 1000"),
    case("", "@forks --children 1000 --clone3"),
    case("", "@forks --children 200 --vfork-exec"),
    case("", "@int80"),
    case("@int80 --elf32 elf32", "./elf32"),
    case("", "@execs"),
    case("", "@hostile"),
    Case {
        setup: "",
        command: "@signals self",
        except: &[(
            "clock_nanosleep",
            "it sleeps again and again until a signal has come",
        )],
    },
    case("", "@signals kill 15"),
    case("", "@signals segv"),
    case("", "@seccomp_deny"),
    case("", "@fault"),
];
