//! `subevo report`: one page of HTML from the records of real runs.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::failures::DIVERGES;
use super::{Place, TINY};

/// The page, where it is written without a word of its own.
#[track_caller]
pub(super) fn written(place: &Place) -> String {
    let ended = place.subevo(&["report", "runs/tiny"]).expect(0);
    assert_eq!(ended.out, "runs/tiny/report.html\n");
    fs::read_to_string(place.path("runs/tiny/report.html")).unwrap()
}

/// The texts of the cells of a page's table, line by line, the head first.
pub(super) fn table(html: &str, label: &str) -> Vec<Vec<String>> {
    let (_, rest) = html.split_once(&format!("aria-label=\"{label}\"")).unwrap_or_else(|| panic!("no {label}"));
    let (table, _) = rest.split_once("</table>").unwrap();
    let text = |cell: &str| cell.split_once('>').unwrap().1.split("</t").next().unwrap().to_string();
    let cells = |line: &str, open: &str| -> Vec<String> { line.split(open).skip(1).map(text).collect() };
    let lines = table.split("<tr>").skip(1);
    lines.map(|line| cells(line, if line.contains("<th ") { "<th " } else { "<td" })).collect()
}

/// The last line of a run's records.
fn end(run: &Path) -> Value {
    let text = fs::read_to_string(run.join("steps.jsonl")).unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('/', "&#x2f;")
}

#[test]
fn tables_hold_the_numbers_of_the_records() {
    let place = Place::new(TINY);
    let run = place.run(&["--set", "campaign.seeds=3", "--set", "campaign.question=\"Which is ahead?\""]);
    let html = written(&place);
    assert!(html.starts_with("<!doctype html>\n") && html.contains("<title>tiny · subevo report</title>"));
    assert!(html.contains("<h1>tiny</h1>") && html.contains("<p class=\"question\">Which is ahead?</p>"));
    assert!(html.contains("All 6 runs are done, none failed."));

    // The table that the run printed.
    let trimmed = |line: &str| line.split('|').map(|cell| cell.trim().to_string()).collect::<Vec<_>>();
    let printed = run.out.lines().filter(|line| line.starts_with("| ") && !line.contains("---"));
    let printed: Vec<Vec<String>> = printed.map(trimmed).map(|line| line[1..line.len() - 1].to_vec()).collect();
    let shown = table(&html, "Results of each learner");
    assert!(printed.len() == 3 && shown == printed, "{shown:?}\n{printed:?}");

    // The comparison that `compare` prints.
    let words = ["compare", "runs/tiny", "--at", "loss,end", "--json"];
    let json: Value = serde_json::from_str(&place.subevo(&words).expect(0).out).unwrap();
    let rows = json["comparisons"][0]["rows"].as_array().unwrap();
    let title = html.split("<h3>evolution − backprop: ").nth(1).unwrap().split("</h3>").next().unwrap();
    let compared = table(&html, &format!("evolution − backprop: {title}"));
    assert_eq!(compared.len(), rows.len() + 1);
    let (at, of) = (&compared.last().unwrap()[0], &compared.last().unwrap()[2]);
    assert_eq!((&**at, &**of), ("end", "chosen-test-accuracy %"));
    for (line, row) in compared[1..].iter().zip(rows) {
        assert_eq!(line[3], row["n"].to_string());
        if row["unit"] == "1" {
            assert_eq!(line[4], format!("{:.2}", 100.0 * row["means"][0].as_f64().unwrap()), "{row}");
        }
    }
    let accuracy = rows.iter().find(|row| row["at"] == "end" && row["quantity"] == "test-accuracy").unwrap();
    let points = 100.0 * accuracy["difference"].as_f64().unwrap();
    let signed = if points == 0.0 { "0.00".to_string() } else { format!("{points:+.2}") };
    assert!(html.contains(&format!("a difference of {signed} points (95 % interval ")), "{signed}");
    assert!(html.contains("n &lt; 6: p &lt; 0.05 cannot be reached (the least p of 3 pairs is 0.25)"));

    // Each run.
    let runs = table(&html, "All runs");
    assert_eq!(runs.len(), 7);
    let column = |name: &str| runs[0].iter().position(|head| head == name).unwrap();
    for run in place.runs("runs/tiny") {
        let name = run.file_name().unwrap().to_str().unwrap().to_string();
        let (learner, rest) = name.split_once("-s").unwrap();
        let line = |line: &&Vec<String>| line[column("learner")] == learner && rest.starts_with(&line[column("seed")]);
        let line = runs.iter().find(line).unwrap();
        let end = end(&run);
        let number = |path: &str| end.pointer(path).unwrap().as_f64().unwrap();
        let expected = [
            ("status", "done".to_string()),
            ("train loss", format!("{:.3}", number("/last/train/loss"))),
            ("test %", format!("{:.1}", 100.0 * number("/last/test/accuracy"))),
            ("chosen test %", format!("{:.1}", 100.0 * number("/best_by_validation/test/accuracy"))),
            ("steps", "40".to_string()),
            ("images", if learner == "evolution" { "5,120" } else { "640" }.to_string()),
        ];
        for (name, expected) in expected {
            assert_eq!(line[column(name)], expected, "{name} of {learner} {rest}");
        }
        assert!(html.contains(&format!("data-value=\"{}\"", number("/last/test/accuracy"))), "{learner} {rest}");
        let configuration = fs::read_to_string(run.join("config.toml")).unwrap();
        let shown = html.contains(&format!("<pre tabindex=\"0\">{}</pre>", escaped(&configuration)));
        assert_eq!(shown, rest.starts_with("1-"), "the first seed of each learner: {name}");
    }

    // What it cost.
    let cost = table(&html, "Cost by learner");
    let images = |line: usize| cost[line][3].as_str();
    assert_eq!((cost.len(), images(1), images(2), images(3)), (4, "15,360", "1,920", "17,280"));
    let command = escaped(&format!("{} run campaign.toml", env!("CARGO_BIN_EXE_subevo")));
    assert!(html.contains(&command) && html.contains("(6 runs begun)") && html.contains("candle-core"));
}

#[test]
fn every_figure_that_plot_draws_is_in_it_and_no_other_file_is_needed() {
    let place = Place::new(TINY);
    place.subevo(&["run", "campaign.toml", "--set", "campaign.seeds=2"]).expect(0);
    let html = written(&place);
    let mut figures = 0;
    for entry in fs::read_dir(place.path("runs/tiny/plots")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "svg") {
            figures += 1;
            let svg = fs::read_to_string(&path).unwrap();
            // Its first words are its title.
            let title = svg.split("<text ").nth(1).unwrap().split_once('>').unwrap().1.split("</text>").next().unwrap();
            assert!(html.contains(&format!("<h3>{}", title.trim())), "{}: {title}", path.display());
        }
    }
    assert_eq!((figures, html.matches("<figcaption").count(), html.matches("<svg").count()), (5, 5, 5));
    assert!(html.len() < 5_000_000, "{}", html.len());
    for remote in ["http:", "https:", "src=", "url(", "@import", "<link"] {
        assert!(!html.contains(remote), "{remote}");
    }

    // The same records, the same bytes; and where it is asked for.
    let again = place.subevo(&["report", "runs/tiny/", "--out", "again.html"]).expect(0);
    assert_eq!((again.out.as_str(), again.err.as_str()), ("again.html\n", ""));
    assert!(fs::read_to_string(place.path("again.html")).unwrap() == html);
    // Single runs too; without a partner there is nothing to compare, which is said.
    let run = place.runs("runs/tiny").remove(0);
    place.subevo(&["report", run.to_str().unwrap(), "--out", "one.html"]).expect(0);
    let one = fs::read_to_string(place.path("one.html")).unwrap();
    assert!(one.contains("The run is done.") && one.contains("There is nothing to compare:"));
    assert!(one.contains("an evolution and a backprop learner are needed"));
    // And two campaigns.
    place.run(&["--set", "campaign.name=other"]);
    place.subevo(&["report", "runs/tiny", "runs/other", "--out", "two.html"]).expect(0);
    let two = fs::read_to_string(place.path("two.html")).unwrap();
    assert!(two.contains("<title>tiny, other · subevo report</title>") && two.contains("All 6 runs are done"));
}

/// A question and a name of a subset that would be elements, were they not escaped.
pub(super) const HOSTILE: &str = "<img src=x onerror=alert(1)> & \"two\"</pre></script><script>alert(2)</script>";

/// A campaign that is called so wherever a file can say it.
pub(super) fn hostile() -> String {
    TINY.replace("name = \"tiny\"", &format!("name = \"tiny\"\nseeds = 3\nquestion = '''{HOSTILE}'''"))
        .replace("[subset]\n", "[subset]\nname = '<script>alert(3)</script>'\n")
}

#[test]
fn what_a_campaign_file_says_stays_text() {
    let place = Place::new(&hostile());
    place.run(&["--set", "learner.1.optimizer.lr=0.02"]);
    let html = written(&place);
    assert!(html.contains(&format!("<p class=\"question\">{}</p>", escaped(HOSTILE))));
    assert!(html.matches("&lt;script&gt;alert(3)&lt;&#x2f;script&gt;").count() > 10);
    assert_eq!((html.matches("<script").count(), html.matches("<img").count()), (1, 0));
    // Labels are refused where they are read.
    let label = place.subevo(&["check", "campaign.toml", "--set", "learner.0.label=\"<script>\""]).expect(2);
    assert!(label.err.contains("`learner.0.label` = \"<script>\""), "{}", label.err);
}

#[test]
fn runs_that_failed_are_damaged_or_unfinished_are_told() {
    let place = Place::new(TINY);
    place.subevo(&[&["run", "campaign.toml", "--set", "campaign.seeds=3"], &DIVERGES[..]].concat()).expect(1);
    let evolution: Vec<_> =
        place.runs("runs/tiny").into_iter().filter(|run| run.join("genome.safetensors").is_file()).collect();
    let steps = |i: usize| evolution[i].join("steps.jsonl");
    let text = fs::read_to_string(steps(0)).unwrap();
    fs::write(steps(0), &text[..text.len() / 2]).unwrap();
    fs::write(steps(1), text.replacen("\"loss\":", "\"lost\":", 3)).unwrap();
    fs::remove_dir_all(&evolution[2]).unwrap();
    let ended = place.subevo(&["report", "runs/tiny"]).expect(0);
    let name = |i: usize| evolution[i].file_name().unwrap().to_str().unwrap().to_string();
    assert!(ended.err.starts_with(&format!("warning: run {} is damaged: steps.jsonl: ", name(1))), "{}", ended.err);
    let html = fs::read_to_string(place.path("runs/tiny/report.html")).unwrap();
    assert!(html.contains("0 of 6 runs done; 3 failed, 1 damaged, 1 unfinished, 1 not begun."));
    assert_eq!(html.matches("<dd>backprop diverged at step 1: loss NaN, gradient norm NaN; lower the").count(), 3);
    assert!(html.contains(&format!("<dt>{}</dt><dd>unfinished, step ", name(0))));
    assert!(html.contains(&format!("<dt>{}</dt><dd>steps.jsonl: ", name(1))));
    let folder = place.folder.path().file_name().unwrap().to_str().unwrap();
    assert!(!html.contains(folder), "messages name files by the run's folder");
    assert!(html.contains("There is nothing to compare:"));
}

#[test]
fn what_cannot_be_reported_says_what_to_do() {
    let place = Place::new(TINY);
    place.run(&[]);
    fs::create_dir(place.path("empty")).unwrap();
    for (words, expected) in [
        (
            &["runs/tinny"][..],
            "runs/tinny does not exist: give a folder that `subevo run` wrote, as in runs/quickstart\n",
        ),
        (&["campaign.toml"], "campaign.toml is no folder: give a folder"),
        (&["empty"], "empty is neither a run (no config.toml) nor a campaign (no campaign.json)"),
        (&["runs/tiny", "runs/tiny"], "holds the same campaign, learner, cell and seed as runs/tiny/evolution-s1-"),
        (&[], "<FOLDER>"),
        (&["runs/tiny", "--outt", "x"], "a similar argument exists: '--out'"),
    ] {
        let ended = place.subevo(&[&["report"], words].concat()).expect(2);
        assert!(ended.out.is_empty() && ended.err.contains(expected), "{words:?}: {}", ended.err);
    }
    let lost = place.subevo(&["report", "runs/tiny", "--out", "none/report.html"]).expect(1);
    assert!(lost.out.is_empty() && lost.err.contains("none/report.html"), "{lost:?}");
    for run in place.runs("runs/tiny") {
        fs::write(run.join("steps.jsonl"), "").unwrap();
    }
    let ended = place.subevo(&["report", "runs/tiny"]).expect(2);
    assert_eq!(ended.err, "error: runs/tiny has no records yet: run the campaign first\n");
    assert!(!place.path("runs/tiny/report.html").exists());
}

#[test]
fn a_run_that_is_done_says_what_to_do_next() {
    let place = Place::new(TINY);
    let ended = place.run(&["--out", "some runs"]);
    let next = ended.err.lines().last().unwrap().strip_prefix("next: ").unwrap().to_string();
    assert_eq!(next, "subevo report 'some runs/tiny'");
    let mut shell = std::process::Command::new("sh");
    let next = next.replace("subevo", env!("CARGO_BIN_EXE_subevo"));
    super::ended(shell.args(["-c", &next]).current_dir(place.folder.path())).expect(0);
    assert!(place.path("some runs/tiny/report.html").is_file());
    // Reports are no runs: the campaign goes on as before.
    place.run(&["--out", "some runs", "--set", "campaign.seeds=2"]);
    let failed = place.subevo(&[&["run", "campaign.toml"], &DIVERGES[..]].concat()).expect(1);
    assert!(!failed.err.contains("next: "), "{}", failed.err);
}
