//! Campaigns on a device: by candle's CPU device, or, with `SUBEVO_TEST_DEVICE=cuda:0`, there.

use std::path::PathBuf;

use candle_core::Device;
use subevo::campaign::{read_results, run, summarise, Campaign, Options, Registry};
use subevo::engine::Processor;

fn processor() -> Processor {
    match std::env::var("SUBEVO_TEST_DEVICE") {
        Err(_) => Processor::plain("candle", Device::Cpu),
        Ok(device) => Processor::open(device.parse().unwrap()).unwrap(),
    }
}

/// Mean training loss of each learner, and the devices of all sessions.
fn results(processor: Processor, engine: &str) -> (Vec<f64>, Vec<String>) {
    let registry = Registry::builtin();
    let text = format!(
        "campaign = {{ name = \"devices\" }}\n\
         data = {{ name = \"synthetic\", image = 8, classes = 3, train = 300, test = 100 }}\n\
         model = {{ name = \"conv2-bn\", channels = [4, 6] }}\n\
         subset = {{ select = [{{ batchnorm = true }}, {{ filters = 1 }}] }}\n\
         engine = {{ {engine} }}\n\
         budget = {{ steps = 12 }}\n\
         [[learner]]\n\
         name = \"evolution\"\n\
         batch = 32\n\
         strategy = {{ name = \"snes\", population = 8 }}\n\
         [[learner]]\n\
         name = \"backprop\"\n\
         batch = 32\n\
         optimizer = {{ name = \"sgd\", lr = 0.05 }}\n"
    );
    let campaign = Campaign::parse("devices.toml", &text, &[], &registry, false).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let options = Options { processor, ..Options::new(folder.path()) };
    let summary = run(&campaign, &registry, &options, &mut ()).unwrap();
    assert!(summary.failed.is_empty(), "{:?}", summary.failed);
    let device = |run: &PathBuf| {
        let times = std::fs::read_to_string(run.join("times.jsonl")).unwrap();
        let session: serde_json::Value = serde_json::from_str(times.lines().next().unwrap()).unwrap();
        session["device"].as_str().unwrap().to_string()
    };
    let devices = summary.runs.iter().map(device).collect();
    let rows = summarise(&read_results(&[summary.folder]).unwrap().runs);
    (rows.iter().map(|row| row.train_loss.mean).collect(), devices)
}

#[test]
fn a_campaign_on_a_device_ends_where_the_cpu_does_and_its_records_name_the_device() {
    let name = processor().name().to_string();
    let (found, devices) = results(processor(), "");
    assert_eq!(devices, [name.clone(), name]);
    let (expected, devices) = results(Processor::cpu(), "");
    assert_eq!(devices, ["cpu", "cpu"]);
    assert_eq!(found.len(), 2);
    for (a, b) in found.iter().zip(&expected) {
        assert!((a - b).abs() < 1e-3 * b, "{a} against {b}");
        assert_ne!(a, b, "another engine rounds otherwise");
    }
}

#[test]
fn a_precision_rounds_the_factors_of_products_and_training_goes_on() {
    let (exact, _) = results(processor(), "");
    let mut off = Vec::new();
    for precision in ["tf32", "bf16"] {
        let (found, _) = results(processor(), &format!("precision = \"{precision}\""));
        off.push((found[0] - exact[0]).abs());
        // On a GPU cuBLAS may take another kernel for products as small as these, and not round in tf32.
        let rounds = precision == "bf16" || processor().device().is_some_and(Device::is_cpu);
        assert!(
            (off[off.len() - 1] > 0.0 || !rounds) && off[off.len() - 1] < 0.1 * exact[0],
            "{precision}: {found:?}, {exact:?}"
        );
    }
}
