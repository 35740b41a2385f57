//! The pictures in `plots`: each is told of in the page there, and those whose records are part of the repository are drawn
//! again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn gallery() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("plots")
}

/// The names of the pictures in a folder, without their endings.
fn pictures(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "svg") {
            found.insert(path.file_stem().unwrap().to_str().unwrap().to_string(), fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn pictures_drawn_again_from_their_records_have_the_same_bytes() {
    let folder = gallery().join("06-pairs");
    let again = tempfile::tempdir().unwrap();
    for (theme, more) in [("", &[][..]), ("-dark", &["--dark"])] {
        let out = again.path().join(format!("drawn{theme}"));
        let ended = Command::new(env!("CARGO_BIN_EXE_subevo"))
            .args(["plot", "records", "--out", out.to_str().unwrap()])
            .args(more)
            .current_dir(&folder)
            .output()
            .unwrap();
        assert!(ended.status.success(), "{ended:?}");
        let drawn = pictures(&out);
        let kept: BTreeMap<String, Vec<u8>> =
            pictures(&folder).into_iter().filter(|(name, _)| name.ends_with("-dark") != theme.is_empty()).collect();
        assert!(!kept.is_empty(), "no picture{theme} in {}", folder.display());
        for (name, bytes) in kept {
            let plain = name.trim_end_matches("-dark");
            assert!(drawn[plain] == bytes, "{name}.svg is not what its records give: draw it again and look at it");
        }
    }
}

#[test]
fn every_picture_stands_in_the_page_of_the_gallery_with_its_campaign_and_command() {
    let page = fs::read_to_string(gallery().join("README.md")).unwrap();
    let mut there = BTreeSet::new();
    for folder in fs::read_dir(gallery()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let slug = folder.file_name().unwrap().to_str().unwrap().to_string();
        for name in pictures(&folder).into_keys() {
            assert!(folder.join(format!("{name}.png")).is_file(), "{slug}/{name} has no PNG");
            there.insert(format!("{slug}/{}", name.trim_end_matches("-dark")));
        }
    }
    let mut told = BTreeSet::new();
    for line in page.lines().filter(|line| line.starts_with("| [")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let (link, campaign, command) = (cells[0], cells[2], cells[3]);
        let picture = link.split_once("](").unwrap().1.trim_end_matches(".svg)").to_string();
        let file = campaign.split_once("](../").unwrap().1.trim_end_matches(')');
        let campaign_file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        assert!(campaign_file.extension().is_some_and(|end| end == "toml") && campaign_file.is_file(), "{campaign}");
        assert!(command.starts_with("`subevo plot ") && command.ends_with('`'), "{command}");
        told.insert(picture);
    }
    assert_eq!(told, there);
}

#[test]
fn every_figure_of_the_program_has_a_picture_in_the_gallery() {
    let mut drawn: BTreeSet<String> = BTreeSet::new();
    for folder in fs::read_dir(gallery()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        drawn.extend(pictures(&folder).into_keys());
    }
    for entry in subevo::plot::ENTRIES {
        assert!(drawn.contains(entry.name), "no picture of {}", entry.name);
    }
}
