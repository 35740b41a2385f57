//! Recipes: their values are the published ones, what a section says wins, and what held is on record.

use std::collections::BTreeSet;

use subevo::campaign::recipe::{Recipe, ENTRIES};
use subevo::campaign::{Campaign, LearnerSetup, Registry};
use subevo::entry::Entry;
use subevo::learner::Epochs;
use subevo::optimizer::schedule::{self, Schedule};
use subevo::params::{toml, Problems, Table, Value};
use subevo::progress::Progress;
use subevo::record::Method;

use crate::tables::build;

/// A campaign on 1,800 training images with one learner.
fn text(learner: &str) -> String {
    format!(
        "campaign = {{ name = \"tiny\" }}
data = {{ name = \"synthetic\", image = 8, train = 2_000, test = 100 }}
model = {{ name = \"conv2-bn\", channels = [2, 3] }}
subset = {{ select = [{{ batchnorm = true }}] }}
budget = {{ steps = 7 }}

[[learner]]
{learner}"
    )
}

fn try_campaign(learner: &str, sets: &[&str]) -> Result<Campaign, String> {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_string()).collect();
    let campaign = Campaign::parse("tiny.toml", &text(learner), &sets, &Registry::builtin(), false);
    campaign.map_err(|error| error.to_string())
}

/// The learner, and its section with all defaults filled in.
fn learner(section: &str, sets: &[&str]) -> (LearnerSetup, Table) {
    let mut campaign = try_campaign(section, sets).unwrap_or_else(|message| panic!("{message}"));
    let problems = Problems::default();
    let resolved = toml::parse(&campaign.runs()[0].configuration, &problems);
    assert!(problems.is_empty());
    let Some(Value::Array(learners)) = resolved.get("learner").map(|node| node.value.clone()) else { panic!() };
    (campaign.cells.remove(0).setup.learners.remove(0), learners[0].as_table().unwrap().clone())
}

fn value(table: &Table, path: &str) -> Value {
    let mut at = Value::Table(table.clone());
    for name in path.split('.') {
        let Value::Table(table) = at else { panic!("{path}: {at}") };
        at = table.get(name).unwrap_or_else(|| panic!("{path} is not in {table:?}")).value.clone();
    }
    at
}

fn number(table: &Table, path: &str) -> f64 {
    match value(table, path) {
        Value::Float(x) => x,
        Value::Integer(x) => x as f64,
        other => panic!("{path} = {other}"),
    }
}

/// Rates and decays of SGD: name, rate, momentum, decay, epochs of the milestones, factor, batch, epochs.
type Sgd = (&'static str, f64, f64, f64, &'static [u64], f64, usize, u64);

/// Rosenfeld & Tsotsos: the commands in their notebooks. Frankle et al.: the defaults of open_lth.
const STEPS: [Sgd; 6] = [
    ("frankle-resnet", 0.1, 0.9, 1e-4, &[80, 120], 0.1, 128, 160),
    ("rosenfeld-alexnet", 0.1, 0.9, 1e-4, &[81, 122], 0.1, 128, 164),
    ("rosenfeld-densenet", 0.1, 0.9, 1e-4, &[150, 225], 0.1, 64, 300),
    ("rosenfeld-vgg", 0.1, 0.9, 1e-4, &[81, 122], 0.1, 128, 164),
    ("rosenfeld-wrn", 0.1, 0.9, 5e-4, &[60, 120, 160], 0.2, 128, 200),
    ("rosenfeld-wrn-small-imagenet", 0.1, 0.9, 1e-4, &[41, 71], 0.1, 128, 80),
];

/// Gressmann et al.: 32 times a power of two; exponents of their configuration.
const PLAIN: [(&str, i32); 6] = [
    ("gressmann-cnn-cifar10", -8),
    ("gressmann-cnn-fashion-mnist", -8),
    ("gressmann-cnn-mnist", -9),
    ("gressmann-fc-cifar10", -7),
    ("gressmann-fc-fashion-mnist", -6),
    ("gressmann-fc-mnist", -5),
];

/// Name, strategy, members, sigma, batch, and steps, or epochs where there are no steps.
type Evolution = (&'static str, &'static str, usize, f64, usize, Option<u64>, Option<u64>);

const EVOLUTION: [Evolution; 5] = [
    ("ha-openai-es", "openai-es", 100, 0.01, 1_000, None, Some(300)),
    ("neuroevobench-openai-es-cifar10", "openai-es", 128, 0.027, 128, Some(2_500), None),
    ("neuroevobench-openai-es-fashion-mnist", "openai-es", 128, 0.098, 1_024, Some(4_000), None),
    ("neuroevobench-snes-cifar10", "snes", 128, 0.127, 128, Some(2_500), None),
    ("neuroevobench-snes-fashion-mnist", "snes", 128, 0.03, 1_024, Some(4_000), None),
];

fn backprop(recipe: &str) -> (LearnerSetup, Table) {
    learner(&format!("name = \"backprop\"\nrecipe = \"{recipe}\""), &[])
}

#[test]
fn recipes_of_backprop_have_the_published_values() {
    for (name, rate, momentum, decay, milestones, gamma, batch, epochs) in STEPS {
        let (learner, section) = backprop(name);
        assert_eq!((&*learner.algorithm, learner.batch), ("sgd", batch), "{name}");
        assert_eq!(learner.budget.epochs, Some(Epochs::new(epochs, 1_800, batch as u64)), "{name}");
        let found = ["lr", "momentum", "weight_decay"].map(|key| number(&section, &format!("optimizer.{key}")));
        assert_eq!(found, [rate, momentum, decay], "{name}");
        assert_eq!(value(&section, "optimizer.nesterov").to_string(), "false", "{name}");
        // The schedule, asked for each step of the published run on 50,000 images: it falls where an epoch begins.
        let shares: serde_json::Value =
            serde_json::from_str(&value(&section, "schedule.milestones").to_string()).unwrap();
        let params = serde_json::json!({ "milestones": shares, "gamma": number(&section, "schedule.gamma") });
        let rows = subevo::entry::Entries::<dyn Schedule>::new("schedule", schedule::ENTRIES);
        let schedule = build(&rows, "step", params, &());
        let steps = Epochs::new(epochs, 50_000, batch as u64).steps;
        let factor = |step: u64| schedule.factor(Progress { step, used: step as f64 / steps as f64 });
        let falls: Vec<u64> = (1..steps).filter(|step| factor(*step) != factor(step - 1)).collect();
        assert_eq!(falls.len(), milestones.len(), "{name}: {falls:?}");
        for (fall, epoch) in falls.iter().zip(milestones) {
            let begins = Epochs::new(*epoch, 50_000, batch as u64).steps;
            assert!(fall.abs_diff(begins) <= 1, "{name}: at step {fall}, epoch {epoch} begins with {begins}");
        }
        let last = rate * gamma.powi(milestones.len() as i32);
        assert!((rate * factor(steps - 1) / last - 1.0).abs() < 1e-12, "{name}");
    }
    for (name, exponent) in PLAIN {
        let (learner, section) = backprop(name);
        assert_eq!((&*learner.algorithm, learner.batch), ("sgd", 32), "{name}");
        assert_eq!(learner.budget.epochs.map(|epochs| epochs.count), Some(160), "{name}");
        assert_eq!(number(&section, "optimizer.lr"), 32.0 * f64::from(exponent).exp2(), "{name}");
        assert_eq!([number(&section, "optimizer.momentum"), number(&section, "optimizer.weight_decay")], [0.0; 2]);
        assert_eq!(value(&section, "schedule.name").to_string(), "\"constant\"");
    }
    // Li et al.: a penalty of 1e-5 times the square has twice the gradient.
    let (learner, section) = backprop("li-subspace");
    assert_eq!((&*learner.algorithm, learner.batch, learner.budget.epochs.unwrap().count), ("adam", 128, 100));
    let found =
        ["lr", "beta1", "beta2", "eps", "weight_decay"].map(|key| number(&section, &format!("optimizer.{key}")));
    assert_eq!(found, [1e-3, 0.9, 0.99, 1e-8, 2.0 * 1e-5]);
    assert_eq!(value(&section, "schedule.name").to_string(), "\"constant\"");
}

#[test]
fn recipes_of_evolution_have_the_published_values() {
    for (name, strategy, members, sigma, batch, steps, epochs) in EVOLUTION {
        let (learner, section) = learner(&format!("name = \"evolution\"\nrecipe = \"{name}\""), &[]);
        assert_eq!((&*learner.algorithm, learner.members, learner.batch), (strategy, members, batch), "{name}");
        assert_eq!((learner.budget.steps, learner.budget.epochs.map(|found| found.count)), (steps, epochs), "{name}");
        assert_eq!(number(&section, "strategy.sigma"), sigma, "{name}");
        if name.starts_with("neuroevobench-openai-es") {
            let rate = if batch == 128 { 0.034 } else { 0.008 };
            let found = ["lr", "lr_decay", "sigma_decay"].map(|key| number(&section, &format!("strategy.{key}")));
            assert_eq!(found, [rate, 0.999, 0.999], "{name}");
        }
    }
}

#[test]
fn every_recipe_is_held_against_a_published_value() {
    let checked = STEPS.map(|row| row.0).into_iter().chain(PLAIN.map(|row| row.0)).chain(EVOLUTION.map(|row| row.0));
    let checked: BTreeSet<&str> = checked.chain(["li-subspace"]).collect();
    assert_eq!(checked, ENTRIES.iter().map(|entry| entry.name).collect());
}

#[test]
fn what_the_section_says_wins_key_by_key() {
    let section = |more: &str| learner(&format!("name = \"backprop\"\nrecipe = \"rosenfeld-vgg\"\n{more}"), &[]).1;
    let numbers = |table: &Table, keys: [&str; 3]| keys.map(|key| number(table, key));
    let optimizer = ["optimizer.lr", "optimizer.momentum", "optimizer.weight_decay"];
    assert_eq!(numbers(&section(""), optimizer), [0.1, 0.9, 1e-4]);
    assert_eq!(numbers(&section("optimizer = { lr = 0.01 }"), optimizer), [0.01, 0.9, 1e-4]);
    let same = section("optimizer = { name = \"sgd\", momentum = 0.5 }");
    assert_eq!(numbers(&same, optimizer), [0.1, 0.5, 1e-4]);
    assert_eq!(numbers(&section("optimizer = \"sgd\""), optimizer), [0.1, 0.9, 1e-4]);
    // Another optimizer is taken with its own defaults, not with the settings of this one.
    for other in ["optimizer = \"adam\"", "optimizer = { name = \"adam\" }"] {
        let adam = section(other);
        assert_eq!(value(&adam, "optimizer.name").to_string(), "\"adam\"");
        assert_eq!([number(&adam, "optimizer.lr"), number(&adam, "optimizer.weight_decay")], [0.001, 0.0]);
    }
    assert_eq!(value(&section("schedule = \"constant\""), "schedule").to_string(), "{ name = \"constant\" }");
    assert_eq!(number(&section("batch = 50"), "batch"), 50.0);
}

#[test]
fn a_budget_of_ones_own_takes_the_place_of_the_recipes_and_the_common_one_does_not() {
    let recipe = "name = \"backprop\"\nrecipe = \"rosenfeld-vgg\"\n";
    let (whole, _) = learner(recipe, &[]);
    assert_eq!((whole.budget.steps, whole.budget.epochs), (None, Some(Epochs::new(164, 1_800, 128))));
    let (steps, section) = learner(&format!("{recipe}budget = {{ steps = 9 }}"), &[]);
    assert_eq!((steps.budget.steps, steps.budget.epochs), (Some(9), None));
    assert_eq!(value(&section, "budget").to_string(), "{ steps = 9 }");
    // One key on the command line makes two epochs of it; the schedule's milestones are shares and follow.
    let (short, section) = learner(recipe, &["learner.0.budget.epochs=2"]);
    // 3,600 images are 28.1 batches.
    assert_eq!(short.budget.epochs, Some(Epochs { count: 2, steps: 29 }));
    assert_eq!(value(&section, "budget").to_string(), "{ epochs = 2 }");
    let (plain, _) = learner("name = \"backprop\"", &[]);
    assert_eq!((plain.budget.steps, plain.budget.epochs), (Some(7), None));
}

#[test]
fn the_common_budget_in_epochs_is_counted_in_each_learners_own_batches() {
    let both = "name = \"evolution\"\nbatch = 100\nstrategy = \"snes\"\n\n[[learner]]\nname = \"backprop\"\nbatch = 64";
    let campaign = try_campaign(both, &["budget={ epochs = 3 }"]).unwrap();
    let steps = campaign.cells[0].setup.learners.iter().map(|learner| learner.budget.epochs.unwrap().steps);
    // 5,400 images; a generation is one batch, whatever the population.
    assert_eq!(steps.collect::<Vec<_>>(), [54, 85]);
    let configuration = &campaign.runs()[0].configuration;
    assert!(configuration.contains("[budget]\nepochs = 3\n"), "{configuration}");
}

#[test]
fn the_configuration_of_a_run_repeats_it_without_its_recipe() {
    for name in ["rosenfeld-wrn", "li-subspace"] {
        let section = format!("name = \"backprop\"\nrecipe = \"{name}\"\noptimizer = {{ lr = 0.02 }}");
        let first = try_campaign(&section, &[]).unwrap().runs()[0].configuration.clone();
        assert!(first.contains(&format!("recipe = \"{name}\"\n")), "{first}");
        let again = |text: &str| {
            let campaign = Campaign::parse("config.toml", text, &[], &Registry::builtin(), false).unwrap();
            let configuration = campaign.runs()[0].configuration.clone();
            configuration
        };
        assert_eq!(again(&first), first);
        let line = format!("recipe = \"{name}\"\n");
        assert_eq!(again(&first.replace(&line, "")), first.replace(&line, ""), "every value stands in it");
    }
}

#[test]
fn mistakes_in_what_a_recipe_says_are_told_at_its_name() {
    let message = |section: &str| try_campaign(section, &[]).err().unwrap();
    let told = message("name = \"evolution\"\nrecipe = \"neuroevobench-snes-cifar10\"\nbatch = 5_000");
    assert!(told.contains("`learner.0.batch` = 5000: must be an integer, 1 to 1800"), "{told}");
    let mut registry = Registry::builtin();
    const fn recipe(keys: &'static str) -> Recipe {
        Recipe { method: Method::Backprop, keys }
    }
    let row = Entry { name: "mine", summary: "mine", reference: "mine", ..ENTRIES[0] };
    registry.recipes.add(Entry { build: |_, ()| Ok(Box::new(recipe("batch = 5000"))), ..row });
    let parse = |registry: &Registry| {
        let text = text("name = \"backprop\"\nrecipe = \"mine\"");
        Campaign::parse("tiny.toml", &text, &[], registry, false).err().unwrap().to_string()
    };
    let told = parse(&registry);
    assert!(told.contains("`learner.0.batch` = 5000") && told.contains("--> tiny.toml:9:10"), "{told}");
    registry.recipes.add(Entry { build: |_, ()| Ok(Box::new(recipe("batch = x"))), ..row });
    let told = parse(&registry);
    assert!(told.contains("recipe `mine` cannot be read: ") && told.contains("--> tiny.toml:9:10"), "{told}");
}
