//! Under libFuzzer: the target that `TWINKLE_FUZZ_TARGET` names. Otherwise a program that runs a
//! target over files, or writes the seeds of all targets.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
#[allow(unsafe_code, reason = "the fuzzer calls C functions of fixed names")]
mod libfuzzer {
    use std::sync::LazyLock;

    static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
        let name = std::env::var("TWINKLE_FUZZ_TARGET").expect("TWINKLE_FUZZ_TARGET is not set");
        twinkle_fuzz::target(&name).unwrap_or_else(|| panic!("there is no target {name}")).run
    });

    libfuzzer_sys::fuzz_target!(|data: &[u8]| TARGET(data));
}

#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["seeds", folder] => seeds(std::path::Path::new(folder)),
        [name, files @ ..] if !files.is_empty() => {
            let target = twinkle_fuzz::target(name).ok_or(std::io::ErrorKind::InvalidInput)?;
            for file in files {
                (target.run)(&std::fs::read(file)?);
            }
            Ok(())
        }
        _ => Err(std::io::Error::other("takes TARGET FILE…, or seeds FOLDER")),
    }
}

#[cfg(not(fuzzing))]
fn seeds(folder: &std::path::Path) -> std::io::Result<()> {
    for target in twinkle_fuzz::TARGETS {
        let folder = folder.join(target.name);
        std::fs::create_dir_all(&folder)?;
        for (number, seed) in (target.seeds)().iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number:02}")), seed)?;
        }
    }
    Ok(())
}
