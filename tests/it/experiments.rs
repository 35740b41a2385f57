//! Every campaign file under `experiments` is right, and those of published rows have the published counts. Crates there, with
//! a registry of their own, are run in `cli/user_crates.rs`.

use std::path::{Path, PathBuf};

use subevo::campaign::{Campaign, Registry};

fn campaigns() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments");
    let folders = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let folders = folders.filter(|folder| !folder.join("Cargo.toml").exists());
    let files = folders.flat_map(|folder| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    files.sort();
    files
}

#[test]
fn every_campaign_can_start_and_is_called_like_its_file_or_folder() {
    let files = campaigns();
    assert!(files.len() > 10, "only {} campaigns found", files.len());
    for file in files {
        let campaign = Campaign::read(&file, &[], &Registry::builtin(), false)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let named = if file.ends_with("campaign.toml") { file.parent().unwrap() } else { &file };
        let named = named.file_stem().unwrap().to_str().unwrap();
        assert!(named.ends_with(&campaign.name), "{}: is called {}", file.display(), campaign.name);
    }
}

#[test]
fn published_rows_have_the_published_numbers_of_trained_and_of_all_weights() {
    let rows: [(&str, &[(usize, usize)]); 7] = [
        ("rosenfeld-alexnet", &[(12_026, 2_472_266); 2]),
        ("rosenfeld-vgg19", &[(61_109, 20_040_522); 2]),
        ("rosenfeld-wrn", &[(99_909, 36_479_194); 2]),
        ("rosenfeld-densenet", &[(27_418, 769_162)]),
        ("frankle-resnet", &[(1_120, 175_258), (4_256, 855_770), (8_288, 1_730_714)]),
        ("ha-openai-es", &[(11_274, 11_274)]),
        ("neuroevobench-cifar10", &[(3_994, 3_994)]),
    ];
    for (name, counts) in rows {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/02-published");
        let campaign = Campaign::read(&folder.join(format!("{name}.toml")), &[], &Registry::builtin(), false).unwrap();
        let found = campaign
            .cells
            .iter()
            .map(|cell| (cell.setup.select(1, 0, None).unwrap().size, cell.setup.graph.parameter_count()));
        assert_eq!(found.collect::<Vec<_>>(), counts, "{name}");
    }
}
