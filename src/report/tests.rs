//! The page of made-up records: what is in it, what cannot get into it, how large it is.

use sha2::{Digest, Sha256};

use super::fixture::material;
use super::page::{page_of, SCRIPT, SCRIPT_DIGEST};
use super::{page, Material, LARGEST};
use crate::campaign::store::RunState;
use crate::campaign::{drawn_figures, Registry};
use crate::plot::fixture::{all, quickstart};
use crate::plot::{svg, FigureData, Theme};

const HOSTILE: &str = "<script>alert(1)</script><img src=x onerror=\"alert(2)\"> & 'single'";

fn html(material: &Material) -> String {
    page(material, &Registry::builtin()).unwrap().html
}

/// A text as it stands in a page.
fn escaped(text: &str) -> String {
    let one = |c: char| match c {
        '<' => "&lt;".to_string(),
        '>' => "&gt;".to_string(),
        '&' => "&amp;".to_string(),
        '"' => "&quot;".to_string(),
        '\'' => "&#x27;".to_string(),
        '/' => "&#x2f;".to_string(),
        c => c.to_string(),
    };
    text.chars().map(one).collect()
}

/// The values of all attributes of that name.
fn attributes<'h>(html: &'h str, name: &str) -> Vec<&'h str> {
    let open = format!(" {name}=\"");
    html.match_indices(&open).map(|(at, _)| html[at + open.len()..].split('"').next().unwrap()).collect()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let four = |three: &[u8]| -> String {
        let bits = (0..3).fold(0u32, |bits, i| bits << 8 | u32::from(three.get(i).copied().unwrap_or(0)));
        let digit = |i: usize| char::from(DIGITS[(bits >> (18 - 6 * i)) as usize & 63]);
        (0..4).map(|i| if i <= three.len() { digit(i) } else { '=' }).collect()
    };
    bytes.chunks(3).map(four).collect()
}

#[test]
fn the_digest_that_lets_the_script_run_is_that_of_the_script() {
    assert_eq!(
        ["", "f", "fo", "foo", "foob"].map(|text| base64(text.as_bytes())),
        ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]
    );
    let digest = base64(&Sha256::digest(SCRIPT.as_bytes()));
    assert_eq!(SCRIPT_DIGEST, digest, "page.js was changed: write {digest} into page.rs");
    let html = html(&material(quickstart()));
    assert!(html.contains(&format!("script-src 'sha256-{digest}'")));
    // What the browser computes it of is what stands between the tags.
    let (_, rest) = html.split_once("<script>").unwrap();
    assert_eq!(rest.split_once("</script>").unwrap().0, SCRIPT);
}

#[test]
fn every_figure_that_the_records_give_is_in_the_page_with_its_caption() {
    let registry = Registry::builtin();
    for (name, runs) in all() {
        let drawn = drawn_figures(&runs, &registry, &[]).unwrap().figures;
        let page = page(&material(runs), &registry).unwrap();
        assert!(!drawn.is_empty() && page.left_out.is_empty(), "{name}");
        assert_eq!(page.html.matches("<svg role=\"img\"").count(), drawn.len(), "{name}");
        assert_eq!(page.html.matches("<svg").count(), page.html.matches("</svg>").count(), "{name}");
        for (figure, data) in drawn {
            assert!(page.html.contains(&format!("<h3>{}</h3>", escaped(&data.title))), "{name}: {figure}");
            assert!(page.html.contains(&format!("\">{}</figcaption>", escaped(&data.caption))), "{name}: {figure}");
            let bare = FigureData { title: String::new(), caption: String::new(), ..data };
            let svg = svg(&bare, &Theme::light());
            let body = svg.split_once('>').unwrap().1.trim_end();
            assert!(page.html.contains(body), "{name}: {figure}");
        }
        assert!(page.html.len() <= LARGEST, "{name}: {}", page.html.len());
    }
}

#[test]
fn anchors_are_unique_and_links_within_the_page_lead_somewhere() {
    for (name, runs) in all() {
        let html = html(&material(runs));
        let mut ids = attributes(&html, "id");
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert!(ids.len() == count && count > 10, "{name}: {ids:?}");
        let refers = |attribute: &str| attributes(&html, attribute).into_iter().map(|to| to.trim_start_matches('#'));
        for target in ["href", "aria-labelledby", "aria-describedby"].into_iter().flat_map(refers) {
            assert!(ids.contains(&target), "{name}: {target}");
        }
    }
}

#[test]
fn nothing_is_fetched_and_nothing_depends_on_the_clock() {
    for (name, runs) in all() {
        let material = material(runs);
        let html = html(&material);
        for remote in ["http:", "https:", "src=", "url(", "@import", "<link", "<iframe", "<object", "<base"] {
            assert!(!html.contains(remote), "{name}: {remote}");
        }
        assert!(html == self::html(&material.clone()), "{name}");
    }
}

#[test]
fn what_records_hold_stays_text() {
    let mut runs = quickstart();
    for run in &mut runs {
        let header = &mut run.header;
        let places = [&mut header.campaign, &mut header.cell, &mut header.subset, &mut header.data, &mut header.model];
        places.into_iter().for_each(|place| place.push_str(HOSTILE));
        header.learner.push_str(HOSTILE);
        header.algorithm.push_str(HOSTILE);
        run.config = format!("[campaign]\nquestion = '''{HOSTILE}'''\n# </pre>{HOSTILE}\n");
    }
    let mut material = material(runs);
    material.folders[0].state = RunState::Failed(format!("</dd>{HOSTILE}"));
    material.folders[1].damage.push(HOSTILE.to_string());
    for folder in &mut material.folders {
        folder.name.push_str(HOSTILE);
        folder.sessions[0].host.push_str(HOSTILE);
        let described = folder.description.as_mut().unwrap();
        described.command_line.push(HOSTILE.to_string());
        described.git_commit = Some(HOSTILE.to_string());
        described.crate_versions.insert(HOSTILE.to_string(), HOSTILE.to_string());
    }
    let html = html(&material);
    assert!(html.contains(&format!("<p class=\"question\">{}</p>", escaped(HOSTILE))));
    // One script of our own, and no element that a text has made.
    assert_eq!((html.matches("<script").count(), html.matches("</script").count()), (1, 1));
    assert_eq!((html.matches("<img").count(), html.matches("</pre>").count()), (0, html.matches("<pre ").count()));
    assert!(!html.contains("onerror=\"") && html.matches("&lt;script&gt;").count() > 100);
    // Nor does a text end an attribute.
    assert!(attributes(&html, "aria-label").iter().all(|label| !label.contains('<')));
}

#[test]
fn of_a_page_that_is_too_large_the_largest_figures_are_left_out_and_named() {
    let registry = Registry::builtin();
    let material = material(quickstart());
    let whole = page(&material, &registry).unwrap();
    let drawn = drawn_figures(&material.records, &registry, &[]).unwrap().figures;
    let size = |data| svg(data, &Theme::light()).len();
    let largest = drawn.iter().max_by_key(|(_, data)| size(data)).unwrap().0.clone();
    let limit = whole.html.len() - 1;
    let less = page_of(&material, &registry, limit).unwrap();
    assert_eq!(less.left_out.join(" "), largest);
    assert!(less.html.len() <= limit && less.html.contains(&format!("<code>plots/{largest}.svg</code>")));
    assert_eq!(less.html.matches("<svg ").count(), drawn.len() - 1);
    let none = page_of(&material, &registry, 0).unwrap();
    assert!(none.left_out.len() == drawn.len() && !none.html.contains("<svg"));
}

#[test]
fn pages_of_thousands_of_runs_are_small_enough() {
    let few = quickstart();
    let many: Vec<_> = (0..60u64)
        .flat_map(|i| {
            few.iter().cloned().map(move |mut run| {
                run.header.cell = format!("{} sigma={}", run.header.cell, i);
                run.steps.clear();
                run.config = "# a line of configuration\n".repeat(60);
                run
            })
        })
        .collect();
    let mut material = material(many);
    material.folders.iter_mut().take(500).for_each(|folder| folder.state = RunState::Failed("x".repeat(9_999)));
    let html = page_of(&material, &Registry::builtin(), LARGEST).unwrap().html;
    assert!(html.len() <= LARGEST, "{}", html.len());
    assert!(html.contains("more lines are not shown") && html.contains("more are not listed"));
}

#[test]
fn states_are_told_in_one_sentence() {
    let mut material = material(quickstart());
    assert!(html(&material).contains(">All 36 runs are done, none failed.<"));
    material.folders[0].state = RunState::Failed("backprop diverged".to_string());
    material.folders[1].state = RunState::Started { step: 1_234 };
    material.folders[2].damage.push("steps.jsonl: line 3 is torn".to_string());
    material.waiting = vec!["evolution-s9-00000000".to_string()];
    let html = html(&material);
    assert!(html.contains("33 of 37 runs done; 1 failed, 1 damaged, 1 unfinished, 1 not begun."));
    for told in
        ["<dd>backprop diverged</dd>", "<dd>unfinished, step 1,234</dd>", "<dd>steps.jsonl: line 3 is torn</dd>"]
    {
        assert!(html.contains(told), "{told}");
    }
    for told in ["<td>failed</td>", "<td>unfinished, step 1,234</td>", "<td>damaged</td>", "<td>done</td>"] {
        assert!(html.contains(told), "{told}");
    }
}

#[test]
fn the_environment_is_that_of_the_folders() {
    let html = html(&material(quickstart()));
    for told in ["9.8.7", "c0ffee", "rayon 1.2.3", "anvil", "2000-02-29 12:34 UTC", "subevo run campaign.toml"] {
        assert!(html.contains(told), "{told}");
    }
    assert!(html.contains("(36 runs begun)"));
}
