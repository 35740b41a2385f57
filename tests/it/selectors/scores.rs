//! Weights chosen by their size or by a gradient: against full sorts, and against the reference engine's gradient in f64.

use std::cell::Cell;
use std::sync::Arc;

use serde_json::json;
use subevo::campaign::{Campaign, Registry, Scoring};
use subevo::data::Split;
use subevo::engine::{Engine, Loss, ReferenceEngine};
use subevo::error::{Error, Result};
use subevo::graph::init::draw;
use subevo::graph::{Graph, ParameterKind};
use subevo::params::{read_table, Origin, Params, Problems};
use subevo::plan::{Limits, Plan};
use subevo::record::Background;
use subevo::rng::Seed;
use subevo::subset::{self, GeneScale, Selectors, Start, Subset, SubsetRequest, Untrained};

use crate::networks::{init, network};
use crate::tables::table;

fn choose(list: serde_json::Value, graph: &Graph, untrained: &Untrained<'_>) -> Result<Subset> {
    let (table, problems) = (table(&json!({ "select": list })), Problems::default());
    let read = |params: &Params<'_>| Selectors::builtin().read_list(params, "select");
    let (selectors, _) = read_table(&table, Origin::Default, "", &problems, read);
    assert!(problems.is_empty(), "{:?}", problems.into_vec());
    subset::select(None, &selectors, None, &SubsetRequest { graph, seed: Seed::new(1), untrained })
}

/// Places of the weights of convolutions and linear layers, best score first.
fn sorted(graph: &Graph, layer: &str, score: impl Fn(usize) -> f64) -> Vec<usize> {
    let weights = graph.parameters.iter().filter(|parameter| {
        let weight = [ParameterKind::ConvWeight, ParameterKind::LinearWeight].contains(&parameter.kind);
        weight && (layer == "*" || parameter.layer == layer)
    });
    let mut places: Vec<usize> = weights.flat_map(|parameter| parameter.range()).collect();
    places.sort_by(|a, b| score(*b).total_cmp(&score(*a)));
    places
}

fn trained(subset: &Subset) -> Vec<usize> {
    subset.spans.iter().flat_map(|span| span.position..span.position + span.length).collect()
}

fn ascending(places: &[usize]) -> Vec<usize> {
    let mut places = places.to_vec();
    places.sort_unstable();
    places
}

#[test]
fn magnitude_takes_the_largest_or_smallest_weights_of_the_base() {
    let graph = network("lenet5", json!({}), [1, 28, 28]);
    let init = init("pytorch");
    let untrained = Untrained::new(&graph, &*init, Seed::new(5));
    let base = draw(&graph, &*init, Seed::new(5));
    let size = |i: usize| f64::from(base[i].abs());
    let chosen = |options| trained(&choose(json!([options]), &graph, &untrained).unwrap());
    let order = sorted(&graph, "*", size);
    assert_eq!(chosen(json!({ "magnitude": 500 })), ascending(&order[..500]));
    let last = &order[order.len() - 500..];
    assert_eq!(chosen(json!({ "magnitude": 500, "which": "smallest" })), ascending(last));
    let order = sorted(&graph, "conv2", size);
    assert_eq!(chosen(json!({ "magnitude": 0.25, "in": "conv2" })), ascending(&order[..600]));
    assert_eq!(chosen(json!({ "magnitude": 1.0 })).len(), 61_706 - 236);
    assert_eq!(untrained.images_asked(), None);
    for (options, message) in [
        (json!({ "magnitude": 61_471 }), "`magnitude=61471` asks for more than the 61470 weights"),
        (json!({ "magnitude": 1e-6 }), "`magnitude=1e-6` takes none of the 61470 weights"),
        (json!({ "magnitude": 1, "in": "x" }), "`magnitude=1@x` asks for more than the 0 weights"),
    ] {
        let error = choose(json!([options]), &graph, &untrained).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn of_equal_scores_the_first_weights_are_taken() {
    let graph = network("mlp", json!({ "hidden": [5] }), [1, 4, 4]);
    let zeros = init("zeros");
    let untrained = Untrained::new(&graph, &*zeros, Seed::new(5));
    for which in ["largest", "smallest"] {
        let subset = choose(json!([{ "magnitude": 7, "which": which }]), &graph, &untrained).unwrap();
        assert_eq!(trained(&subset), (0..7).collect::<Vec<_>>());
    }
}

#[test]
fn the_gradient_is_asked_for_once_and_scores_alone_or_times_the_weight() {
    let graph = network("mlp", json!({ "hidden": [5] }), [1, 4, 4]);
    let init = init("pytorch");
    let given: Vec<f32> = (0..graph.parameter_count()).map(|i| ((i * 37 % 101) as f32 - 50.0) / 7.0).collect();
    let asked = Cell::new(0);
    let gradient = |images: usize| {
        asked.set(asked.get() + images);
        Ok(given.clone())
    };
    let untrained = Untrained::new(&graph, &*init, Seed::new(5)).with_gradient(&gradient);
    let chosen = |options| trained(&choose(json!([options]), &graph, &untrained).unwrap());
    let order = sorted(&graph, "*", |i| f64::from(given[i].abs()));
    assert_eq!(chosen(json!({ "gradient": 20, "images": 64 })), ascending(&order[..20]));
    assert_eq!(chosen(json!({ "gradient": 10, "images": 64, "which": "smallest" })).len(), 10);
    let base = draw(&graph, &*init, Seed::new(5));
    let order = sorted(&graph, "fc2", |i| f64::from((given[i] * base[i]).abs()));
    let options = json!({ "gradient": 9, "of": "saliency", "images": 64, "in": "fc2" });
    assert_eq!(chosen(options), ascending(&order[..9]));
    assert_eq!((asked.get(), untrained.images_asked()), (64, Some(64)));
    chosen(json!({ "gradient": 20 }));
    assert_eq!((asked.get(), untrained.images_asked()), (64 + 512, Some(512)));

    let infinite = |_: usize| Ok(vec![f32::INFINITY; graph.parameter_count()]);
    let untrained = Untrained::new(&graph, &*init, Seed::new(5)).with_gradient(&infinite);
    let error = choose(json!([{ "gradient": 20 }]), &graph, &untrained).unwrap_err().to_string();
    assert_eq!(error, "subset: the gradient of the untrained network on 512 images is not finite");
    let refused = |_: usize| Err(Error::Config("no".to_string()));
    let untrained = Untrained::new(&graph, &*init, Seed::new(5)).with_gradient(&refused);
    assert_eq!(choose(json!([{ "gradient": 20 }]), &graph, &untrained).unwrap_err().to_string(), "no");
}

#[test]
fn without_images_as_many_weights_are_chosen_and_others() {
    let graph = network("lenet5", json!({}), [1, 28, 28]);
    let init = init("he-normal");
    let untrained = Untrained::new(&graph, &*init, Seed::new(5));
    let subset = choose(json!([{ "gradient": 1000 }]), &graph, &untrained).unwrap();
    assert_eq!((subset.size, untrained.images_asked()), (1_000, Some(512)));
    // They fall on layers by their size: fc1 has 48,000 of 61,470.
    let fc1 = trained(&subset).iter().filter(|i| graph.parameters[4].range().contains(i)).count();
    assert!(fc1.abs_diff(781) < 70, "{fc1} of 1000 in fc1, expected 781 with a deviation of 13");
}

const SCORED: &str = r#"
    campaign = { name = "scored", seeds = 2 }
    data = { name = "synthetic", image = 8, classes = 4, train = 200, test = 20 }
    model = { name = "conv2-bn", channels = [3, 4] }
    subset = { select = [{ gradient = 40, images = 100 }] }
    budget = { steps = 3 }

    [[learner]]
    name = "backprop"
"#;

fn campaign(sets: &[&str]) -> Result<Campaign> {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_string()).collect();
    Campaign::parse("scored.toml", SCORED, &sets, &Registry::builtin(), false)
}

#[test]
fn the_gradient_of_a_campaign_is_that_of_the_reference_engine() {
    for (of, model) in [("gradient", "conv2-bn"), ("saliency", "conv2-bn"), ("saliency", "conv2")] {
        let select = format!("subset.select.0.of={of}");
        let sets = [select.as_str(), &format!("model.name={model}"), "model.init=pytorch", "subset.background=zero"];
        let campaign = campaign(&sets).unwrap();
        let setup = &campaign.cells[0].setup;
        assert_eq!(setup.scored_on, Some(100));
        let data = setup.data.load(None).unwrap();
        let limits = Limits { memory: 1 << 30, threads: 2 };
        let graph = &setup.graph;
        // The reference in f64, all weights trained, on the first hundred training images.
        let all = Subset::from_marks("all", graph, &vec![true; graph.parameter_count()]).unwrap();
        let plan = Plan::new(graph, &all, 100, limits);
        let (scale, root) = (GeneScale::One, Seed::new(2).child("init"));
        let start = Start::new(graph.clone(), Arc::new(all), &*init("pytorch"), scale, Background::Random, root);
        let engine = ReferenceEngine::on_cpu(Arc::new(start.clone()), &plan);
        let batch = data.range(Split::Train, 0..100);
        let (_, gradient) = engine.gradient(&start.base, &batch, Loss::Nll).unwrap();
        let order = sorted(graph, "*", |i| {
            let weight = if of == "saliency" { start.base[i] } else { 1.0 };
            f64::from(gradient[i] * weight).abs()
        });
        let found = setup.select(2, 0, Some(Scoring { data: &data, limits })).unwrap();
        assert_eq!(trained(&found), ascending(&order[..40]), "{of} of {model}");
        let stand_in = setup.select(2, 0, None).unwrap();
        assert_eq!(stand_in.size, found.size);
        assert_ne!(stand_in.spans, found.spans);
        // Without the images nobody knows which weights the values are of.
        let error = setup.network(2, [], &[0.0; 40]).unwrap_err().to_string();
        assert!(error.contains("is made again from the subset that the run kept"), "{error}");
        let small = Limits { memory: 1 << 10, threads: 1 };
        let error = setup.select(2, 0, Some(Scoring { data: &data, limits: small })).unwrap_err().to_string();
        assert!(
            error.contains("the gradient that weights are scored by, on 100 images as one batch: needs"),
            "{error}"
        );
    }
}

#[test]
fn more_images_than_there_are_is_a_mistake_of_the_file() {
    // Of 200 training images 20 are held out for validation.
    assert!(campaign(&["subset.select.0.images=180"]).is_ok());
    let Err(error) = campaign(&["subset.select.0.images=181"]) else { panic!("there are 180") };
    let message = error.to_string();
    assert!(message.contains("weights are scored on 181 training images, and there are 180"), "{message}");
}

#[test]
fn the_switch_of_batch_norm_adds_all_of_it_or_takes_it_away_and_draws_the_same_filters() {
    let random = "subset.select=[{ filters = 2, which = \"random\" }, { layers = \"bn2\" }]";
    let subset = |set: &str| {
        let sets = [random, set];
        let campaign = campaign(&sets[..if set.is_empty() { 1 } else { 2 }]).unwrap();
        campaign.cells[0].setup.select(1, 0, None).unwrap()
    };
    let [absent, with, without] = ["", "subset.batchnorm=true", "subset.batchnorm=false"].map(subset);
    // Two filters of 9 and two of 27 weights; batch-norm of 3 and 4 channels.
    assert_eq!([absent.size, with.size, without.size], [72 + 8, 72 + 14, 72]);
    let filters = |subset: &Subset| {
        let spans = subset.spans.iter().filter(|span| span.kind == ParameterKind::ConvWeight);
        spans.map(|span| span.position).collect::<Vec<_>>()
    };
    assert_eq!([filters(&with), filters(&without)], [filters(&absent), filters(&absent)]);
    assert_eq!(
        [absent.name, with.name, without.name],
        [
            "random-filters=2+layers=bn2",
            "random-filters=2+layers=bn2+batchnorm",
            "(random-filters=2+layers=bn2)-batchnorm"
        ]
    );
    assert_eq!(subset("subset.name=mine").name, "mine");

    let refusal = |sets: &[&str]| campaign(sets).err().expect("it is wrong").to_string();
    let message = refusal(&["model.name=conv2", random, "subset.select=[{ filters = 1 }]", "subset.batchnorm=true"]);
    assert!(message.contains("`batchnorm` = true, but the network has no batch-norm"), "{message}");
    let message = refusal(&["subset.select=[{ batchnorm = true }]", "subset.batchnorm=false"]);
    assert!(message.contains("`batchnorm` selects no weight but batch-norm, and `batchnorm` = false"), "{message}");
    let message = refusal(&["subset.batchnorm=1"]);
    assert!(message.contains("`subset.batchnorm` = 1: must be true or false"), "{message}");
    let both = campaign(&[random, "grid={ \"subset.batchnorm\" = [true, false] }"]).unwrap();
    let cells: Vec<(&str, usize)> =
        both.cells.iter().map(|cell| (&*cell.label, cell.setup.select(1, 0, None).unwrap().size)).collect();
    assert_eq!(cells, [("batchnorm=true", 72 + 14), ("batchnorm=false", 72)]);
}
