//! A report in a browser: it is what the file says, nothing is refused, the table can be sorted. Left out, aloud, where
//! Chromium is not installed.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::report::{hostile, table, written, HOSTILE};
use super::Place;

/// What a browser makes of a page.
struct Shown {
    /// The elements, written as HTML again.
    dom: String,
    /// What it has to complain of, and what scripts say.
    console: Vec<String>,
}

/// The name of a Chromium that is installed here.
fn browser() -> Option<&'static str> {
    let there = |name: &&str| {
        let version = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    };
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find(there)
}

fn show(browser: &str, file: &Path, fragment: &str) -> Shown {
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new(browser);
    command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]);
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    let output = command.arg(format!("file://{}{fragment}", file.display())).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let console = told.lines().filter(|line| line.contains("CONSOLE")).map(str::to_string).collect();
    let dom = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && dom.contains("</html>"), "{told}");
    Shown { dom, console }
}

/// The column of the table of runs with that heading, as its cells say.
fn column(dom: &str, name: &str) -> Vec<String> {
    let lines = table(dom, "All runs");
    // A heading is a button there.
    let at = lines[0]
        .iter()
        .position(|head| head.contains(&format!(">{name}<")))
        .unwrap_or_else(|| panic!("{:?}", lines[0]));
    lines[1..].iter().map(|line| line[at].clone()).collect()
}

#[test]
fn a_browser_shows_the_page_without_complaint_and_sorts_the_table() {
    let Some(browser) = browser() else {
        eprintln!("reports in a browser: LEFT OUT, Chromium is not installed");
        return;
    };
    let place = Place::new(&hostile());
    place.run(&["--set", "campaign.seeds=[11, 2, 7]"]);
    let html = written(&place);
    let file = place.path("runs/tiny/report.html");

    let plain = show(browser, &file, "");
    assert!(plain.console.is_empty(), "{:?}", plain.console);
    assert!(plain.dom.contains("<html lang=\"en\" class=\"scripted\">"), "the script did not run");
    // What the file says stayed text: one script, no image, and the words are there.
    assert_eq!((plain.dom.matches("<script").count(), plain.dom.matches("<img").count()), (1, 0));
    assert!(plain.dom.contains(&HOSTILE.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")));
    assert_eq!(plain.dom.matches("<svg").count(), html.matches("<svg").count());
    let seeds = ["11", "11", "2", "2", "7", "7"];
    assert_eq!(column(&plain.dom, "seed"), seeds, "the order of the campaign");

    // Numbers are sorted as numbers, up and down; texts as texts.
    let sorted = |fragment: &str, name: &str| {
        let shown = show(browser, &file, fragment);
        assert!(shown.console.is_empty(), "{fragment}: {:?}", shown.console);
        column(&shown.dom, name)
    };
    assert_eq!(sorted("#sort=seed", "seed"), ["2", "2", "7", "7", "11", "11"]);
    assert_eq!(sorted("#sort=seed,descending", "seed"), ["11", "11", "7", "7", "2", "2"]);
    assert_eq!(sorted("#sort=learner", "learner").first().unwrap(), "backprop");
    let losses: Vec<f64> = sorted("#sort=train-loss", "train loss").iter().map(|x| x.parse().unwrap()).collect();
    assert!(
        losses.len() == 6 && losses.windows(2).all(|pair| pair[0] <= pair[1]) && losses[0] < losses[5],
        "{losses:?}"
    );

    // The browser would complain: a script that is not the page's own is refused, and so is a picture from elsewhere.
    let foreign = "<script>document.title = 'foreign';</script><img src=\"other.png\" alt=\"\"></body>";
    fs::write(&file, html.replace("</body>", foreign)).unwrap();
    let refused = show(browser, &file, "");
    assert!(
        refused.console.len() >= 2 && refused.console.iter().all(|line| line.contains("Content Security Policy")),
        "{:?}",
        refused.console
    );
    assert!(refused.dom.contains("<title>tiny · subevo report</title>"));
}
