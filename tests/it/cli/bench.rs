//! `subevo bench common`: mistakes in its words, a line of JSON for each case, a table with the same rows.

use serde_json::Value;

use super::Place;

/// A case of a few milliseconds.
const SMALL: [&str; 14] = [
    "bench",
    "common",
    "--population",
    "4",
    "--batch",
    "8",
    "--generations",
    "3",
    "--warmup",
    "1",
    "--image",
    "8",
    "--channels",
    "2,6",
];

#[test]
fn mistakes_in_the_words_are_told_and_nothing_is_measured() {
    let place = Place::new("");
    for (words, expected) in [
        (&["--subset", "bnn"][..], "tip: a similar value exists: 'bn'"),
        (&["--subset", "bn,heads"], "invalid value 'heads' for '--subset <SUBSET>'"),
        (&["--learner", "adam"], "[possible values: evolution, backprop]"),
        (&["--population", "1"], "1 is not in 2..=1000000"),
        (&["--batch", "8193"], "8193 is not in 1..=8192"),
        (&["--generations", "0"], "0 is not in 1..=1000000"),
        (&["--image", "3"], "3 is not in 4..=256"),
        (&["--channels", "16"], "\"16\" is not two counts of filters: write 16,32, each 1 to 4096"),
        (&["--channels", "16,0"], "\"16,0\" is not two counts of filters"),
        (&["--fraction", "25%"], "\"25%\" is no share: write a number above 0 and at most 1, as in 0.25"),
        (&["--threads", "0"], "0 is not in 1..=1024"),
        (&["--memory", "much"], "\"much\" is no size: write it as 512MiB or 4GiB"),
        (&["--generation", "3"], "tip: a similar argument exists: '--generations'"),
    ] {
        let ended = place.subevo(&[&["bench", "common"], words].concat()).expect(2);
        assert!(ended.out.is_empty() && ended.err.contains(expected), "{words:?}: {}", ended.err);
        assert!(ended.err.starts_with("error: "), "{words:?}: {}", ended.err);
    }
    let ended = place.subevo(&["bench", "comon"]).expect(2);
    assert!(ended.err.contains("tip: a similar subcommand exists: 'common'"), "{}", ended.err);
    let bare = place.subevo(&["bench"]).expect(2);
    assert!(bare.out.is_empty() && bare.err.starts_with("Example:\n  subevo bench common\n"), "{}", bare.err);
}

#[test]
fn json_is_one_line_for_each_case_in_the_order_of_the_words() {
    let place = Place::new("");
    let words = ["--subset", "filters,bn", "--learner", "evolution,backprop", "--fraction", "0.25", "--threads", "2"];
    let ended = place.subevo(&[&SMALL, &words[..], &["--memory", "32MiB", "--json"]].concat()).expect(0);
    let lines: Vec<Value> = ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |line: &Value| (line["case"].as_str().unwrap().to_string(), line["k"].as_u64().unwrap());
    // A quarter of 2 filters is half a one, and at least one of 9 weights is trained; of 6 it is 1.5, so 2 of 18 weights.
    let expected = [
        ("common/filters/evolution", 9 + 2 * 18),
        ("common/filters/backprop", 9 + 2 * 18),
        ("common/bn/evolution", 16),
        ("common/bn/backprop", 16),
    ];
    assert_eq!(lines.iter().map(of).collect::<Vec<_>>(), expected.map(|(case, k)| (case.to_string(), k)));
    let keys = [
        "schema",
        "version",
        "case",
        "subset",
        "learner",
        "population",
        "batch",
        "image",
        "channels",
        "fraction",
        "k",
        "parameters",
        "threads",
        "memory_limit_mib",
        "generations",
        "warmup_generations",
        "ms_per_generation_median",
        "p10",
        "p90",
        "ask_ms",
        "gather_ms",
        "evaluate_ms",
        "tell_ms",
        "ask_tell_ns_per_gene",
        "images_per_s",
        "macs_per_generation",
        "gflops",
        "gemm_gflops",
        "gemm_share",
        "device",
        "matrix_precision",
        "peak_device_mib",
        "peak_rss_mib",
        "rss_before_mib",
        "setup_ms",
        "warmup_ms",
        "cache_fill_ms",
        "loss_first",
        "loss_last",
    ];
    for line in &lines {
        let mut found: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
        let mut expected = keys.to_vec();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
        assert_eq!((&line["schema"], &line["threads"]), (&"subevo.bench/1".into(), &2.into()));
        assert_eq!((&line["device"], &line["matrix_precision"]), (&"cpu".into(), &"f32".into()));
        assert!(line["peak_device_mib"].is_null(), "{line}");
        assert_eq!((&line["memory_limit_mib"], &line["fraction"]), (&32.0.into(), &0.25.into()));
        let backprop = line["learner"] == "backprop";
        assert_eq!(line["population"], if backprop { 1 } else { 4 });
        assert_eq!((line["ask_ms"].is_null(), line["ask_tell_ns_per_gene"].is_null()), (backprop, backprop), "{line}");
    }
    let talk: Vec<&str> = ended.err.lines().collect();
    assert_eq!(
        talk[..2],
        [
            "common/filters/evolution: 1 + 3 generations of 4 members on 8 images",
            "common/filters/backprop: 1 + 3 steps on 8 images"
        ]
    );
}

#[test]
fn the_table_has_a_row_for_each_case_and_says_what_holds_for_all() {
    let place = Place::new("");
    let ended = place.subevo(&[&SMALL, &["--threads", "1", "-q"][..]].concat()).expect(0);
    assert!(ended.err.is_empty(), "{}", ended.err);
    let cell = |line: &str, i: usize| line.split('|').nth(i + 1).unwrap().trim().to_string();
    let lines: Vec<&str> = ended.out.lines().collect();
    assert_eq!(lines.len(), 6, "{}", ended.out);
    let rows: Vec<[String; 4]> = lines[2..5].iter().map(|line| [0, 1, 2, 3].map(|i| cell(line, i))).collect();
    let row = |subset: &str, k: &str| [subset, "evolution", k, "4"].map(str::to_string);
    // Six channels of 2 x 2 values for each of ten classes, and their biases.
    assert_eq!(rows, [row("bn", "16"), row("classifier", "250"), row("filters", "45")]);
    let note =
        "medians in ms of 3 generations after 1; batches of 8 images of 8 x 8, 2 and 6 filters; cpu, 1 thread; product: ";
    assert!(lines[5].starts_with(note), "{}", lines[5]);
}

#[test]
fn precisions_are_told_by_what_they_do_to_ranks() {
    let place = Place::new("");
    let words =
        ["bench", "precision", "--subset", "classifier", "--population", "6", "--batch", "4", "--generations", "2"];
    let ended = place.subevo(&[&words[..], &["--json"]].concat()).expect(0);
    let lines: Vec<Value> = ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let precisions: Vec<&str> = lines.iter().map(|line| line["precision"].as_str().unwrap()).collect();
    assert_eq!(precisions, ["tf32", "bf16"]);
    for line in &lines {
        assert_eq!((&line["device"], &line["generations"]), (&"candle-cpu".into(), &2.into()), "{line}");
        let number = |key: &str| line[key].as_f64().unwrap();
        assert!((-1.0..=1.0).contains(&number("rank_correlation")) && number("largest_change") > 0.0, "{line}");
    }
    let [tf32, bf16] = [0, 1].map(|i| lines[i]["largest_change"].as_f64().unwrap());
    assert!(tf32 < bf16, "three bits less are further off: {tf32}, {bf16}");
    let table = place.subevo(&words).expect(0).out;
    assert!(table.contains("| common/classifier/evolution | bf16 ") && table.contains("against f32"), "{table}");
}
