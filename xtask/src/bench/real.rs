//! Wall time of real programs: untraced, and under each tracer.

use std::fmt::Write;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use super::Bench;
use super::child::{self, Running};
use super::figures::{Bar, Report};
use super::packages;
use super::rounds::{Job, interleave};
use super::tracers::Tracer;
use crate::tools::say;

const GROUP: &str = "real programs (wall time; factor over untraced)";
const LIMIT: Duration = Duration::from_secs(300);

/// A command line to run.
struct Work {
    name: &'static str,
    words: Vec<String>,
}

pub(super) fn run(bench: &Bench, report: &mut Report) -> Result<()> {
    let mut works = Vec::new();
    let mut missing = Vec::new();
    for (name, program, package, prepare) in PROGRAMS {
        if packages::have(program, package) {
            works.push(Work {
                name,
                words: prepare(bench)?,
            });
        } else {
            missing.push(format!("{name} ({package})"));
        }
    }
    let mut jobs = Vec::new();
    for work in &works {
        jobs.push(Job::new(work.name, move || {
            wall(Command::new(&work.words[0]).args(&work.words[1..]), bench)
        }));
        for tracer in bench.tracers() {
            jobs.push(Job::new(
                format!("{} {}", work.name, tracer.name),
                move || {
                    wall(
                        &mut tracer.launch(&[], &bench.dir.file("trace"), &work.words),
                        bench,
                    )
                },
            ));
        }
    }
    let mut names: Vec<&str> = works.iter().map(|work| work.name).collect();
    let requests = bench.size(5_000, 100_000);
    if packages::have("redis-server", "redis-server")
        && packages::have("redis-benchmark", "redis-tools")
    {
        names.push(REDIS);
        jobs.push(Job::new(REDIS, move || redis(bench, None, requests)));
        for tracer in bench.tracers() {
            // strace makes this last half a minute a round otherwise.
            let part = if tracer.is_ours() { 1 } else { 20 };
            jobs.push(Job::new(format!("{REDIS} {}", tracer.name), move || {
                Ok(redis(bench, Some(tracer), requests / part)? * part as f64)
            }));
        }
    } else {
        missing.push(format!("{REDIS} (redis-server, redis-tools)"));
    }
    let samples = interleave(bench.rounds(5), jobs);
    for name in names {
        report.add(
            GROUP,
            format!("{name}: untraced"),
            "s",
            samples.of(name).to_vec(),
            Bar::None,
        );
        for tracer in bench.tracers() {
            let factors =
                samples.pair(&format!("{name} {}", tracer.name), name, |with, without| {
                    with / without
                });
            report.add(
                GROUP,
                format!("{name}: {}", tracer.name),
                "x",
                factors,
                Bar::None,
            );
        }
    }
    for name in missing {
        report.note(format!(
            "skipped: {name}: not installed, and cannot be from here"
        ));
    }
    Ok(())
}

fn wall(command: &mut Command, bench: &Bench) -> Result<f64> {
    // No settings of this user and no prompts.
    command
        .env("HOME", bench.dir.as_ref())
        .env("GIT_CONFIG_NOSYSTEM", "1");
    Ok(child::run(command, &bench.dir, LIMIT)?
        .success("the program")?
        .wall
        .as_secs_f64())
}

type Prepare = fn(&Bench) -> Result<Vec<String>>;
/// Name, program, package, and what makes its input.
const PROGRAMS: [(&str, &str, &str, Prepare); 4] = [
    ("git status", "git", "git", git),
    ("compile", "gcc", "gcc", compile),
    ("python start", "python3", "python3", python),
    ("sqlite inserts", "sqlite3", "sqlite3", sqlite),
];

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A work tree with many files, all of them committed.
fn git(bench: &Bench) -> Result<Vec<String>> {
    let tree = bench.dir.file("tree");
    for n in 0..bench.size(500, 20_000) {
        let dir = tree.join(format!("d{:03}", n / 100));
        if n % 100 == 0 {
            fs::create_dir_all(&dir)?;
        }
        fs::write(dir.join(format!("file{n}.txt")), format!("content {n}\n"))?;
    }
    let identity = [
        "-c",
        "user.name=bench",
        "-c",
        "user.email=bench@localhost",
        "-c",
        "gc.auto=0",
    ];
    for words in [
        &["init", "-q"][..],
        &["add", "."],
        &["commit", "-q", "-m", "all"],
    ] {
        let mut command = Command::new("git");
        command.arg("-C").arg(&tree).args(identity).args(words);
        wall(&mut command, bench)?;
    }
    // Without the cache of untracked files, and without a write of the index: every round does the same.
    Ok([
        "git",
        "--no-optional-locks",
        "-C",
        &text(&tree),
        "status",
        "--porcelain",
    ]
    .map(str::to_owned)
    .to_vec())
}

/// A C file with many functions and a few system headers.
fn compile(bench: &Bench) -> Result<Vec<String>> {
    let source = bench.dir.file("bench.c");
    let mut code = String::from(
        "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n",
    );
    for n in 0..bench.size(50, 600) {
        writeln!(
            code,
            "int f{n}(int a, char *s) {{ for (int i = 0; i < a; i++) s[i] = (char)(a * {n} + i); return (int)strlen(s) + a; }}"
        )?;
    }
    code.push_str("int main(void) { char s[64] = \"\"; return f1(3, s); }\n");
    fs::write(&source, code)?;
    let object = text(&bench.dir.file("bench.o"));
    Ok(["gcc", "-O1", "-c", "-o", &object, &text(&source)]
        .map(str::to_owned)
        .to_vec())
}

/// Debian's own where it is there: what is first in PATH may be a script that looks for one.
fn python(_: &Bench) -> Result<Vec<String>> {
    let program = if Path::new("/usr/bin/python3").exists() {
        "/usr/bin/python3"
    } else {
        "python3"
    };
    Ok([program, "-I", "-c", "import(json)"]
        .map(|word| word.replace("import(json)", "import\tjson,http.client"))
        .to_vec())
}

/// One transaction per row.
fn sqlite(bench: &Bench) -> Result<Vec<String>> {
    let script = bench.dir.file("inserts.sql");
    let mut sql = String::from("drop table if exists t;\ncreate table t(a integer, b text);\n");
    for n in 0..bench.size(50, 1000) {
        writeln!(sql, "insert into t values({n}, 'row number {n}');")?;
    }
    fs::write(&script, sql)?;
    let database = text(&bench.dir.file("bench.db"));
    // A word may hold no space: bpftrace takes all of them as one.
    Ok([
        "sqlite3".to_owned(),
        "-init".to_owned(),
        text(&script),
        database,
        ".exit".to_owned(),
    ]
    .to_vec())
}

const REDIS: &str = "redis";

/// Seconds that redis-benchmark needs against a server that is attached to.
fn redis(bench: &Bench, tracer: Option<&Tracer>, requests: u64) -> Result<f64> {
    // A port that was free a moment ago, on the loopback interface only.
    let port = TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port()
        .to_string();
    let mut server = Command::new("redis-server");
    server.args([
        "--bind",
        "127.0.0.1",
        "--port",
        &port,
        "--save",
        "",
        "--appendonly",
        "no",
        "--dir",
    ]);
    let mut server = Running::start(
        server.arg(bench.dir.as_ref()).stdin(Stdio::null()),
        &bench.dir,
    )?;
    server.said("Ready to accept connections", LIMIT)?;
    let tracing = match tracer {
        Some(tracer) => {
            let mut command = tracer.attach(&[], &bench.dir.file("trace"), server.pid());
            let mut running = Running::start(command.stdin(Stdio::null()), &bench.dir)?;
            match tracer.attached() {
                Some(text) => running.said(text, LIMIT)?,
                None => std::thread::sleep(Duration::from_secs(2)),
            }
            Some(running)
        }
        None => None,
    };
    let requests = requests.to_string();
    let mut client = Command::new("redis-benchmark");
    client.args([
        "-h",
        "127.0.0.1",
        "-p",
        &port,
        "-n",
        &requests,
        "-t",
        "set,get",
        "-c",
        "20",
        "-q",
    ]);
    let done = child::run(&mut client, &bench.dir, LIMIT)?.success("redis-benchmark")?;
    server.signal(libc::SIGTERM);
    server.finish(LIMIT).context("the server")?;
    if let Some(running) = tracing {
        // Ends with the process it traces; perf and bpftrace have to be told.
        if !running.ended_within(Duration::from_secs(2)) {
            running.signal(libc::SIGINT);
        }
        if let Err(error) = running.finish(LIMIT) {
            say!("{error:#}");
        }
    }
    Ok(done.wall.as_secs_f64())
}
