//! Runs that cannot fit into memory say so before anything is loaded or written.

use serde_json::Value;

use super::{Place, TINY};

#[test]
fn a_run_that_needs_more_than_memory_allows_ends_with_2_and_names_what_needs_it() {
    let place = Place::new(TINY);
    for words in [
        &["run", "campaign.toml", "--memory", "3MiB", "--threads", "2"][..],
        &["check", "campaign.toml", "--memory", "3MiB", "--threads", "2"],
        &["bench", "common", "--subset", "bn", "--memory", "3MiB", "--threads", "2"],
    ] {
        let ended = place.subevo(words).expect(2);
        assert!(ended.out.is_empty(), "{words:?}: {}", ended.out);
        for part in ["needs at least ", "`--memory` allows 3.00 MiB", "for one member", "2 threads", "smaller `batch`"]
        {
            assert!(ended.err.contains(part), "{words:?}, {part}: {}", ended.err);
        }
    }
    let told = place.subevo(&["run", "campaign.toml", "--memory", "3MiB"]).expect(2).err;
    assert!(told.starts_with("error: learner `evolution`: needs at least "), "{told}");
    assert!(told.ends_with(" (and one more learner does not fit)\n"), "{told}");
    assert!(!place.path("runs").exists());

    let told = place.subevo(&["inspect", "campaign.toml", "--memory", "3MiB"]).expect(0).out;
    assert!(told.contains("\nlearner `evolution` does not fit: needs at least "), "{told}");
    let json = place.subevo(&["inspect", "campaign.toml", "--memory", "3MiB", "--json"]).expect(0).out;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["fits"], &json["memory_limit_bytes"]), (&false.into(), &(3 << 20).into()));
    // What it says it needs is enough.
    let needed = json["peak_bytes"].as_u64().unwrap().to_string();
    place.subevo(&["check", "campaign.toml", "--memory", &needed]).expect(0);
}

#[test]
fn a_population_that_no_machine_holds_ends_with_2_before_it_is_made() {
    let place = Place::new(TINY);
    let large = ["--set", "model.channels=[256,256]", "--set", "subset.select=[{ all = true }]"];
    let words = [&["run", "campaign.toml", "--set", "learner.0.strategy.population=1000000"], &large[..]].concat();
    let ended = place.subevo(&words).expect(2);
    // 2 x 10^6 x 596,227 x 4 bytes.
    let expected = "learner `evolution`: a population of 1000000 with 596227 genes takes 4442 GiB ";
    assert!(ended.err.contains(expected) && ended.err.contains("a smaller `population`"), "{}", ended.err);
    assert!(!place.path("runs").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_holds_no_more_than_its_plan_says_beside_population_and_images_and_not_much_less() {
    use subevo::bench::{Case, On, Trained, IMAGES};
    use subevo::engine::{MatrixPrecision, Processor};
    use subevo::plan::Limits;
    use subevo::record::Method;

    let place = Place::new("");
    let limits = Limits { memory: 512 << 20, threads: 2 };
    for (trained, population) in [(Trained::BatchNorm, 16), (Trained::Filters, 30), (Trained::Filters, 300)] {
        let case = Case { population, ..Case::new(trained, Method::Evolution) };
        let on = On { processor: &Processor::cpu(), precision: MatrixPrecision::F32, limits };
        let plan = case.task(&on).unwrap().plan;
        let n = population.to_string();
        let words = ["bench", "common", "--subset", trained.name(), "--population", &n, "--generations", "2"];
        let words = [&words[..], &["--warmup", "1", "--threads", "2", "--memory", "512MiB", "--json"]].concat();
        let found: Value = serde_json::from_str(&place.subevo(&words).expect(0).out).unwrap();
        let beside = (plan.population_bytes(population) + IMAGES as u64 * 28 * 28) as f64;
        let held = found["peak_rss_mib"].as_f64().unwrap() * f64::from(1 << 20) - beside;
        let planned = plan.peak_bytes() as f64;
        assert!(held <= planned && planned < 2.0 * held, "{held} of {planned} bytes: {}", case.name());
    }
}
