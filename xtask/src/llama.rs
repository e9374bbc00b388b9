//! llama.cpp's `llama-server` and two tiny models, as the tests of language models need them: built once per machine from
//! the source package on PyPI that carries llama.cpp, and kept outside the project.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::cluster::install::apt;

/// The package and what is built of it; another one is built anew.
const PACKAGE: &str = "llama-cpp-python==0.3.36";
const RECIPE: &str = "llama-cpp-python==0.3.36 O0 1";
/// The variable by which tests are told where it is.
pub const VARIABLE: &str = "KOI_TEST_LLAMA";
/// What builds it and writes the models.
const TOOLS: [&str; 5] = ["cmake", "ninja", "scikit-build-core", "gguf", "numpy"];
/// Only the server, for processors of every kind, without what would have to be downloaded. Not optimised: the models
/// are tiny, and compiling takes half the time.
const FLAGS: [&str; 15] = [
    "-DCMAKE_BUILD_TYPE=None",
    "-DCMAKE_C_FLAGS=-O1 -w",
    "-DCMAKE_CXX_FLAGS=-O0 -w",
    "-DBUILD_SHARED_LIBS=OFF",
    "-DGGML_NATIVE=OFF",
    "-DGGML_OPENMP=OFF",
    "-DGGML_LLAMAFILE=OFF",
    "-DLLAMA_OPENSSL=OFF",
    "-DLLAMA_BUILD_UI=OFF",
    "-DLLAMA_USE_PREBUILT_UI=OFF",
    "-DLLAMA_BUILD_TESTS=OFF",
    "-DLLAMA_BUILD_EXAMPLES=OFF",
    "-DLLAMA_BUILD_APP=OFF",
    "-DLLAMA_TOOLS_INSTALL=OFF",
    "-DLLAMA_TESTS_INSTALL=OFF",
];
/// The models that tests ask for.
const MODELS: [&str; 2] = ["oracle", "random"];
const MAKER: &str = include_str!("llama/make_tiny_model.py");

/// Where it is kept: outside the project, for every clone of it.
fn folder() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache");
    std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("koi/llama")
}

/// The folder with `llama-server`, `oracle.gguf` and `random.gguf`; builds what is not there, which takes some minutes.
///
/// # Errors
/// Which step failed.
pub fn ensure_built() -> Result<PathBuf> {
    let folder = folder();
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let lock = File::create(folder.join("lock"))?;
    lock.lock().context("cannot take the lock of llama-server's folder")?;
    let stamp = folder.join("recipe");
    let recipe = format!("{RECIPE}\n{MAKER}");
    if fs::read_to_string(&stamp).is_ok_and(|done| done == recipe) {
        return Ok(folder);
    }
    let started = Instant::now();
    eprintln!("building llama-server into {} (once; some minutes)", folder.display());
    let work = folder.join("work");
    _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&work)?;
    let bin = tools(&work)?;
    build(&work, &bin)?;
    fs::copy(work.join("build/bin/llama-server"), folder.join("llama-server")).context("llama-server was not built")?;
    let maker = work.join("make_tiny_model.py");
    fs::write(&maker, MAKER)?;
    for model in MODELS {
        let out = folder.join(format!("{model}.gguf"));
        run(Command::new(bin.join("python3")).arg(&maker).arg(model).arg(&out), "make_tiny_model.py")?;
    }
    fs::write(stamp, recipe)?;
    _ = fs::remove_dir_all(&work);
    eprintln!("llama-server was built in {:.0} s", started.elapsed().as_secs_f64());
    Ok(folder)
}

/// A Python of its own with the tools; gives the folder of its programs.
fn tools(work: &Path) -> Result<PathBuf> {
    apt("python3", &["python3", "python3-venv"])?;
    apt("c++", &["g++"])?;
    let venv = work.join("venv");
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv), "python3 -m venv (Debian: python3-venv)")?;
    let bin = venv.join("bin");
    run(Command::new(bin.join("pip")).args(["install", "-q"]).args(TOOLS), "pip install")?;
    Ok(bin)
}

fn build(work: &Path, bin: &Path) -> Result<()> {
    let mut download = Command::new(bin.join("pip"));
    download.args(["download", "-q", "--no-deps", "--no-build-isolation", "--no-binary=llama-cpp-python", PACKAGE]);
    run(download.arg("-d").arg(work), "pip download of llama-cpp-python")?;
    let archive = fs::read_dir(work)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.to_string_lossy().ends_with(".tar.gz"))
        .context("pip brought no source package")?;
    let source = work.join("source");
    fs::create_dir_all(&source)?;
    run(Command::new("tar").arg("-xzf").arg(archive).args(["--strip-components=1", "-C"]).arg(&source), "tar")?;
    let (llama, build) = (source.join("vendor/llama.cpp"), work.join("build"));
    let mut configure = Command::new(bin.join("cmake"));
    configure.arg("-S").arg(llama).arg("-B").arg(&build).args(["-G", "Ninja"]).args(FLAGS);
    run(configure.arg(format!("-DCMAKE_MAKE_PROGRAM={}", bin.join("ninja").display())), "cmake")?;
    run(Command::new(bin.join("ninja")).arg("-C").arg(&build).arg("llama-server"), "ninja llama-server")
}

/// Runs a step; its output goes to standard error, as standard output is the caller's.
fn run(command: &mut Command, what: &str) -> Result<()> {
    let status = command.stdout(std::io::stderr()).status().with_context(|| format!("cannot start {what}"))?;
    ensure!(status.success(), "{what} failed: {status}");
    Ok(())
}
