//! Noise from outside: rules of evaluation in files and in `inspect`, members that failed at the end of a run.

use serde_json::{json, Value};

use super::{Place, TINY};

#[test]
fn inspect_tells_what_a_rule_of_evaluation_costs() {
    let place = Place::new(TINY);
    let inspect = |evaluation: &str| {
        let set = format!("learner.0.evaluation={evaluation}");
        let words = ["inspect", "campaign.toml", "--set", &set];
        let json: Value =
            serde_json::from_str(&place.subevo(&[&words[..], &["--json"]].concat()).expect(0).out).unwrap();
        (json, place.subevo(&words).expect(0).out)
    };
    let (json, _) = inspect("\"once\"");
    let (shared, member) = (&json["macs_per_image_shared"], &json["macs_per_image_member"]);
    let macs = |batches: u64, evaluations: u64| {
        16 * (batches * shared.as_u64().unwrap() + evaluations * member.as_u64().unwrap())
    };
    // Eight members in batches of 16; four of them again; at most 16 batches of each, and 8 of a race.
    let rules = [
        ("\"once\"", "once", [(1, 8), (1, 8)]),
        ("\"rank-change\"", "rank-change", [(2, 12), (32, 12 * 16)]),
        ("{ name = \"racing\", most = 8 }", "racing", [(8, 64), (8, 64)]),
    ];
    for (toml, name, [first, most]) in rules {
        let (json, text) = inspect(toml);
        let found = &json["learners"][0];
        assert_eq!(found["evaluation"], name);
        assert_eq!((&found["members_evaluated"], &found["members_evaluated_most"]), (&json!(first.1), &json!(most.1)));
        assert_eq!(found["macs_per_step"], macs(first.0, first.1), "{name}");
        assert_eq!(found["macs_per_step_most"], macs(most.0, most.1), "{name}");
        assert_eq!(text.contains(&format!("evaluation {name}, ")), name != "once", "{text}");
        assert_eq!(json["learners"][1]["evaluation"], Value::Null, "backprop");
    }
    let listed = place.subevo(&["list", "evaluations"]).expect(0).out;
    assert!(["once", "racing", "rank-change"].iter().all(|name| listed.contains(&format!("| {name} "))), "{listed}");
}

#[test]
fn mistakes_in_a_rule_are_told_with_their_line() {
    let mistakes = [
        ("evaluation = \"rank-chance\"", "unknown evaluation `rank-chance`", "did you mean `rank-change`?"),
        (
            "evaluation = { name = \"racing\", bound = \"hoeffding\" }",
            "bound `hoeffding` needs to know",
            "give `range`",
        ),
        ("evaluation = { name = \"racing\", most = 0 }", "`learner.0.evaluation.most` = 0", "1 to 1000000"),
    ];
    for (line, message, help) in mistakes {
        let own = format!("name = \"evolution\"\n{line}\n");
        let place = Place::new(&TINY.replace("name = \"evolution\"\n", &own));
        let ended = place.subevo(&["check", "campaign.toml"]).expect(2);
        let told = [message, help, "campaign.toml:20:"].iter().all(|words| ended.err.contains(words));
        assert!(told, "{}", ended.err);
    }
    let place = Place::new(&TINY.replace("name = \"backprop\"\n", "name = \"backprop\"\nevaluation = \"once\"\n"));
    let ended = place.subevo(&["check", "campaign.toml"]).expect(2);
    assert!(ended.err.contains("evaluation"), "backprop has no members: {}", ended.err);
}

#[test]
fn members_that_failed_are_counted_at_the_end_of_a_run() {
    // Steps of a thousand overflow in so deep a network: of most generations little more than the elite has a loss.
    let layers = ["4"; 20].join(", ");
    let sets = [
        format!("model={{ name = \"mlp\", hidden = [{layers}] }}"),
        "subset.select=[{ all = true }]".to_string(),
        "learner.0.strategy={ name = \"genetic\", population = 4, mutation = { name = \"gaussian\", sigma = 1000.0 } }"
            .to_string(),
    ];
    let words: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
    let place = Place::new(TINY);
    let ended = place.run(&words);
    let records = std::fs::read_to_string(place.runs("runs/tiny")[1].join("steps.jsonl")).unwrap();
    let of = |line: &str| serde_json::from_str::<Value>(line).unwrap()["failed"].as_u64();
    let failed: u64 = records.lines().filter_map(of).sum();
    let warning =
        format!("warning: evolution: {failed} members failed, without a loss that is a number, and ranked last");
    assert!(failed > 40 && ended.err.contains(&warning), "{failed}: {}", ended.err);
    assert!(!ended.err.contains("warning: backprop"), "{}", ended.err);
    let json: Value = serde_json::from_str(&place.run(&[&words[..], &["--json"]].concat()).out).unwrap();
    let told: Vec<&Value> = json["rows"].as_array().unwrap().iter().map(|row| &row["failed_members"]).collect();
    assert_eq!(told, [&json!(failed), &json!(0)]);
    assert!(!Place::new(TINY).run(&[]).err.contains("warning"), "and none otherwise");
}
