//! `cargo xtask image`: the operator's image, built by buildah, which needs no daemon, and then
//! looked at.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use sops_tests::paths;

use crate::{shell, static_build, tools};

mod trial;

const PACKAGE: &str = "sops-operator";

/// A release that unwinds, so that a panic in one object ends the work on that one only.
const PROFILE: &str = "operator";

/// The image with all it has, in bytes.
const LIMIT: u64 = 25_000_000;

/// The user of the image. A number, so that Kubernetes can tell that it is not root.
const USER: &str = "65532:65532";

const PASSWD: &str =
    "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nnonroot:x:65532:\n";
/// A static glibc looks here for how to resolve names.
const NSSWITCH: &str = "hosts: files dns\n";

/// Builds the image into `target/image/oci` and inspects it.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let options = Options::parse(arguments)?;
    if let Err(error) = tools::system_package("buildah", "buildah") {
        return shell::missing::<()>(&error.context("no image is built")).map(drop);
    }
    let binary = match options.binary {
        Some(path) => path,
        None => static_build::build(PACKAGE, PROFILE, &[], static_build::Size::Usual)?,
    };
    let folder = paths::target().join("image");
    if folder.exists() {
        fs::remove_dir_all(&folder).context("unable to remove the last image")?;
    }
    let context = folder.join("context");
    stage(&context, &binary, &options.roots)?;
    let layout = folder.join("oci");
    build(&folder, &context, &layout)?;
    inspect(&layout, &context.join("rootfs"))
}

struct Options {
    binary: Option<PathBuf>,
    roots: PathBuf,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self> {
        let roots = "/etc/ssl/certs/ca-certificates.crt".into();
        let mut options = Self { binary: None, roots };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let value = || format!("{argument} needs a file");
            match argument.as_str() {
                "--binary" => options.binary = Some(rest.next().with_context(value)?.into()),
                "--roots" => options.roots = rest.next().with_context(value)?.into(),
                other => bail!("image does not know `{other}`"),
            }
        }
        Ok(options)
    }
}

/// Puts everything where the image has it.
fn stage(context: &Path, binary: &Path, roots: &Path) -> Result<()> {
    let root = context.join("rootfs");
    let file = |path: &str, content: &[u8], mode: u32| -> Result<()> {
        let target = root.join(path);
        fs::create_dir_all(target.parent().context("a file has a folder")?)?;
        fs::write(&target, content)?;
        fs::set_permissions(&target, fs::Permissions::from_mode(mode))?;
        Ok(())
    };
    let read =
        |path: &Path| fs::read(path).with_context(|| format!("unable to read {}", path.display()));
    let program = read(binary)?;
    ensure!(static_build::is_static(&program), "{} is not static", binary.display());
    file(PACKAGE, &program, 0o755)?;
    file("etc/ssl/certs/ca-certificates.crt", &read(roots)?, 0o644)?;
    file("etc/passwd", PASSWD.as_bytes(), 0o644)?;
    file("etc/group", GROUP.as_bytes(), 0o644)?;
    file("etc/nsswitch.conf", NSSWITCH.as_bytes(), 0o644)?;
    // The path that the chart of the original gives as command.
    fs::create_dir_all(root.join("usr/local/bin"))?;
    symlink(format!("/{PACKAGE}"), root.join("usr/local/bin/manager"))?;
    Ok(())
}

fn build(folder: &Path, context: &Path, layout: &Path) -> Result<()> {
    let buildah = |arguments: &[&str]| {
        // No overlay and no namespaces of its own: it works inside a container, too.
        let mut command = shell::command("buildah", ["--storage-driver", "vfs", "--root"]);
        command.arg(folder.join("storage")).arg("--runroot").arg(folder.join("run"));
        command.args(arguments);
        command
    };
    let revision = shell::output(&mut shell::command("git", ["rev-parse", "HEAD"]))?;
    let version = format!("VERSION={}", env!("CARGO_PKG_VERSION"));
    let revision = format!("REVISION={}", revision.trim());
    let mut bud = buildah(&["bud", "--isolation", "chroot", "--timestamp", "0"]);
    bud.args(["--build-arg", &version, "--build-arg", &revision, "-t", PACKAGE, "-f"]);
    shell::run(bud.arg(paths::repository().join("deploy/Containerfile")).arg(context))?;
    let mut push = buildah(&["push", PACKAGE]);
    shell::run(push.arg(format!("oci:{}:{}", layout.display(), env!("CARGO_PKG_VERSION"))))
}

/// Reads the layout as a registry would, and holds it against what the chart relies on.
fn inspect(layout: &Path, root: &Path) -> Result<()> {
    let json = |path: PathBuf| -> Result<Value> {
        let text = fs::read(&path).with_context(|| format!("unable to read {}", path.display()))?;
        Ok(serde_json::from_slice(&text)?)
    };
    let blob = |digest: &Value| -> Result<PathBuf> {
        let digest = digest.as_str().context("a digest is text")?;
        Ok(layout.join("blobs").join(digest.replace(':', "/")))
    };
    let index = json(layout.join("index.json"))?;
    let manifest = json(blob(&index["manifests"][0]["digest"])?)?;
    let image = json(blob(&manifest["config"]["digest"])?)?;
    let config = &image["config"];
    ensure!(config["User"] == USER, "the image's user is {}", config["User"]);
    let entry = &config["Entrypoint"];
    ensure!(entry[0] == "/usr/local/bin/manager", "the image starts {entry}");
    for label in ["title", "source", "licenses", "version", "revision"] {
        let name = format!("org.opencontainers.image.{label}");
        let value = config["Labels"][&name].as_str().unwrap_or_default();
        ensure!(!value.is_empty(), "the label {name} is missing");
    }
    let unpacked: u64 = sizes(root)?;
    let layers = manifest["layers"].as_array().context("an image has layers")?;
    let packed: u64 = layers.iter().filter_map(|layer| layer["size"].as_u64()).sum();
    ensure!(unpacked <= LIMIT, "the image has {unpacked} bytes, more than {LIMIT}");
    trial::run(root, &root.with_file_name("trial"), USER)?;
    println!(
        "{}: {} {}, {:.1} MB, {:.1} MB packed, {} layer(s)",
        layout.display(),
        image["os"].as_str().unwrap_or_default(),
        image["architecture"].as_str().unwrap_or_default(),
        unpacked as f64 / 1e6,
        packed as f64 / 1e6,
        layers.len(),
    );
    Ok(())
}

/// Bytes of all files below a folder.
fn sizes(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        sum += if kind.is_dir() { sizes(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(sum)
}
