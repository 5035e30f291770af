//! Renders the chart and reads YAML, each by the programs that do so for a cluster.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sops_tests::run::{Outcome, Run};
use sops_tests::scratch::Scratch;
use sops_tests::{need, paths};

/// The release and the namespace that charts are rendered for.
pub(crate) const RELEASE: &str = "ops";
pub(crate) const NAMESPACE: &str = "tools";
/// The name of most objects of this release (operator spec §9).
pub(crate) const FULLNAME: &str = "ops-sops-secrets-operator";

/// helm, and the referee that reads what it says.
#[derive(Debug)]
pub(crate) struct Renderer {
    helm: PathBuf,
    pub(crate) referee: Referee,
    scratch: Scratch,
}

impl Renderer {
    /// `None` where one of the two is missing, which was said then.
    pub(crate) fn needed() -> Option<Self> {
        Some(Self { helm: need::helm()?, referee: Referee::needed()?, scratch: Scratch::new() })
    }

    /// Runs helm on the chart with these values.
    pub(crate) fn helm(&self, arguments: &[&str], values: &str) -> Outcome {
        self.helm_run(arguments).arg("--values").arg("-").input(values).run()
    }

    /// A run of helm, for what needs more than values.
    pub(crate) fn helm_run(&self, arguments: &[&str]) -> Run {
        ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"]
            .iter()
            .fold(Run::program(&self.helm, arguments), |run, variable| {
                run.env(variable, self.scratch.path())
            })
    }

    /// A folder that goes away with this value.
    pub(crate) fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// Renders with these values, or says why not.
    pub(crate) fn try_render(&self, values: &str) -> Result<Objects, String> {
        self.try_render_as(RELEASE, NAMESPACE, values)
    }

    /// Renders for another release, with these values.
    pub(crate) fn try_render_as(
        &self,
        release: &str,
        namespace: &str,
        values: &str,
    ) -> Result<Objects, String> {
        let chart = chart();
        let arguments = ["template", release, chart.to_str().unwrap(), "--namespace", namespace];
        let outcome = self.helm(&arguments, values);
        if !outcome.status.success() {
            return Err(outcome.err());
        }
        Ok(Objects(self.referee.documents(&outcome.stdout)))
    }

    /// Renders with these values.
    #[track_caller]
    pub(crate) fn render(&self, values: &str) -> Objects {
        self.try_render(values).unwrap_or_else(|error| panic!("{values}\n{error}"))
    }
}

/// The program of `tests/referee`.
#[derive(Debug)]
pub(crate) struct Referee(PathBuf);

impl Referee {
    pub(crate) fn needed() -> Option<Self> {
        need::referee().map(Self)
    }

    /// The documents of a YAML stream, which may not name a key twice.
    #[track_caller]
    pub(crate) fn documents(&self, yaml: &[u8]) -> Vec<Value> {
        lines(Run::program(&self.0, ["yaml"]).input(yaml).run())
    }

    /// The documents of a YAML file.
    #[track_caller]
    pub(crate) fn file(&self, path: &Path) -> Vec<Value> {
        let text = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self.documents(&text)
    }

    /// What PromQL expressions select, one entry for each.
    #[track_caller]
    pub(crate) fn queries(&self, expressions: &[String]) -> Vec<Value> {
        let one_line = |text: &String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let input = expressions.iter().map(one_line).collect::<Vec<_>>().join("\n");
        lines(Run::program(&self.0, ["promql"]).input(input).run())
    }

    /// Reads objects as Flux and Prometheus' operator do, which refuse fields they do not have.
    /// Gives the kinds it knew.
    #[track_caller]
    pub(crate) fn kinds(&self, objects: &[Value]) -> Vec<String> {
        let input: Vec<_> = objects.iter().map(Value::to_string).collect();
        let known = lines(Run::program(&self.0, ["kinds"]).input(input.join("\n")).run());
        known.iter().map(|kind| kind.as_str().unwrap().to_owned()).collect()
    }

    /// What a health check says about an object.
    #[track_caller]
    pub(crate) fn health(&self, script: &Path, object: &Value) -> Value {
        let run = Run::program(&self.0, ["lua".as_ref(), script]).input(object.to_string()).run();
        lines(run).remove(0)
    }
}

#[track_caller]
fn lines(outcome: Outcome) -> Vec<Value> {
    let outcome = outcome.success();
    outcome.out().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Kubernetes objects, in the order in which they were rendered.
#[derive(Clone, Debug)]
pub(crate) struct Objects(pub(crate) Vec<Value>);

impl Objects {
    /// All objects of a kind.
    pub(crate) fn of(&self, kind: &str) -> Vec<&Value> {
        self.0.iter().filter(|object| object["kind"] == kind).collect()
    }

    /// The only object of a kind.
    #[track_caller]
    pub(crate) fn one(&self, kind: &str) -> &Value {
        let all = self.of(kind);
        assert_eq!(all.len(), 1, "{kind}: {all:?}");
        all[0]
    }

    /// An object by its name.
    #[track_caller]
    pub(crate) fn named(&self, kind: &str, name: &str) -> &Value {
        let found = self.of(kind).into_iter().find(|object| object["metadata"]["name"] == name);
        found.unwrap_or_else(|| panic!("no {kind} {name}"))
    }

    pub(crate) fn pod(&self) -> &Value {
        &self.one("Deployment")["spec"]["template"]["spec"]
    }

    pub(crate) fn container(&self) -> &Value {
        &self.pod()["containers"][0]
    }

    pub(crate) fn arguments(&self) -> Vec<&str> {
        texts(&self.container()["args"])
    }

    /// A variable of the container.
    #[track_caller]
    pub(crate) fn variable(&self, name: &str) -> &Value {
        let all = self.container()["env"].as_array().unwrap();
        all.iter().find(|entry| entry["name"] == name).unwrap_or_else(|| panic!("no {name}"))
    }
}

/// A list of texts.
#[track_caller]
pub(crate) fn texts(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

pub(crate) fn deploy(path: &str) -> PathBuf {
    paths::repository().join("deploy").join(path)
}

pub(crate) fn chart() -> PathBuf {
    deploy("chart/sops-secrets-operator")
}

/// Every file below a folder of `deploy/` with this ending.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let all = sops_tests::scratch::files_below(&deploy(folder)).into_iter();
    let found: Vec<_> = all.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    assert!(!found.is_empty(), "no {ending} below {folder}");
    found
}
