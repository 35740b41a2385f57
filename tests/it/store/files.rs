//! Checkpoints and genome files: bits kept, bits flipped, two generations.

use std::fs;

use subevo::campaign::store::{Checkpoint, Checkpoints, Covered, Genome};
use subevo::graph::ParameterKind;
use subevo::learner::{Best, Chain, Position};
use subevo::state::{Array, State};
use subevo::subset::{Span, Subset};

use super::{cost, scores};

const A: &str = "checkpoint-a.safetensors";
const B: &str = "checkpoint-b.safetensors";

/// Two stages: of two values, of one.
fn chain() -> Chain {
    let mut chain = Chain::default();
    chain.push(&[0.5, f32::MIN_POSITIVE / 4.0]);
    chain.push(&[-0.0]);
    chain
}

fn checkpoint(step: u64) -> Checkpoint {
    let mut state = State::default();
    state.put_f32("mean", &[0.1, -0.0, f32::MAX]);
    state.put_f64("path.sigma", &[5e-324, 1.0 / 3.0]);
    state.put_u64("t", &[step, u64::MAX]);
    state.put_f64("none", &[]);
    Checkpoint {
        position: Position {
            cost: cost(step),
            last_step: Some(cost(1)),
            last_batches: 1,
            chain: chain(),
            state,
            seconds: 0.1 + 0.2,
            evaluation_seconds: f64::INFINITY,
            best: Some(Best { step: 2, stage: 1, scores: scores(0.3), weights: vec![f32::MIN_POSITIVE, 2.0] }),
            best_on_test_accuracy: 1.0 / 7.0,
        },
        steps: Covered { bytes: u64::MAX, lines: 3 },
        times: Covered { bytes: 10, lines: 1 },
        config: "0123abcd".to_string(),
    }
}

#[test]
fn a_checkpoint_comes_back_with_every_bit() {
    let folder = tempfile::tempdir().unwrap();
    let mut saved = checkpoint(5);
    let (mut checkpoints, none, _) = Checkpoints::open(folder.path()).unwrap();
    assert_eq!(none, None);
    checkpoints.save(&saved).unwrap();
    assert_eq!(Checkpoints::open(folder.path()).unwrap().1, Some(saved.clone()));
    saved.position.best = None;
    saved.position.chain = Chain::default();
    saved.position.state = State::default();
    checkpoints.save(&saved).unwrap();
    assert_eq!(Checkpoints::open(folder.path()).unwrap().1, Some(saved.clone()));

    let bits = [0x7ff8_0000_0000_0000, 0xfff8_0000_0000_0007, 0x7ff0_0000_0000_0000];
    saved.position.state.put_f64("nans", &bits.map(f64::from_bits));
    saved.position.seconds = f64::NAN;
    checkpoints.save(&saved).unwrap();
    let read = Checkpoints::open(folder.path()).unwrap().1.unwrap();
    assert!(read.position.seconds.is_nan());
    let Array::F64(nans) = &read.position.state.arrays["nans"] else { panic!("type changed") };
    assert_eq!(nans.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), bits);
}

#[test]
fn the_older_of_two_checkpoints_is_replaced_and_the_newest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    for step in 0..7u64 {
        // Each time as after a restart.
        let (mut checkpoints, found, note) = Checkpoints::open(folder.path()).unwrap();
        assert_eq!((found.map(|c| c.position.cost.step), note), (step.checked_sub(1), None));
        let other = fs::read(folder.path().join(if step % 2 == 0 { B } else { A })).ok();
        checkpoints.save(&checkpoint(step)).unwrap();
        assert_eq!(fs::read(folder.path().join(if step % 2 == 0 { B } else { A })).ok(), other, "step {step}");
    }
    let (mut checkpoints, ..) = Checkpoints::open(folder.path()).unwrap();
    // A second checkpoint of one step, and a step back, still count as newer.
    for step in [6, 2, 9] {
        checkpoints.save(&checkpoint(step)).unwrap();
        assert_eq!(Checkpoints::open(folder.path()).unwrap().1.unwrap().position.cost.step, step);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_damaged_checkpoint_falls_back_to_the_other_and_is_replaced_next() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = [A, B].map(|name| folder.path().join(name));
    let (mut checkpoints, ..) = Checkpoints::open(folder.path()).unwrap();
    checkpoints.save(&checkpoint(1)).unwrap();
    checkpoints.save(&checkpoint(2)).unwrap();
    let whole = fs::read(&b).unwrap();
    for bit in 0..whole.len() * 8 {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        fs::write(&b, &damaged).unwrap();
        let (_, found, note) = Checkpoints::open(folder.path()).unwrap();
        assert_eq!(found.as_ref(), Some(&checkpoint(1)), "bit {bit}");
        let note = note.expect("a note");
        assert!(note.contains(B) && note.ends_with("going on from step 1, checkpoint-a.safetensors"), "{note}");
    }
    let (mut checkpoints, ..) = Checkpoints::open(folder.path()).unwrap();
    let older = fs::read(&a).unwrap();
    checkpoints.save(&checkpoint(3)).unwrap();
    assert_eq!(fs::read(&a).unwrap(), older);
    assert_eq!(Checkpoints::open(folder.path()).unwrap().1, Some(checkpoint(3)));

    fs::write(&a, &older[..older.len() / 2]).unwrap();
    let (_, found, note) = Checkpoints::open(folder.path()).unwrap();
    assert_eq!(found, Some(checkpoint(3)));
    assert!(note.unwrap().contains(A));
    fs::write(&b, "").unwrap();
    let message = Checkpoints::open(folder.path()).unwrap_err().to_string();
    assert!(message.contains(A) && message.contains(B) && message.contains("no checkpoint is good"), "{message}");
    fs::remove_file(&a).unwrap();
    assert!(Checkpoints::open(folder.path()).unwrap_err().to_string().contains(B));
}

fn genome() -> Genome {
    let span = |kind, gene, position, length| {
        let (parameter, layer) = ("conv1.weight".to_string(), "conv1".to_string());
        Span { parameter, layer, kind, filter: 0, offset: position, length, gene, position, fan_in: 9 }
    };
    let spans = vec![span(ParameterKind::ConvWeight, 0, 9, 2), span(ParameterKind::BatchNormScale, 2, 20, 1)];
    Genome {
        seed: u64::MAX,
        configuration: super::CONFIGURATION.to_string(),
        subset: Subset { name: "filters+batchnorm".to_string(), size: 3, spans },
        data: "tiny".to_string(),
        model: "conv2-bn".to_string(),
        chain: chain(),
        stage_best_by_validation: 0,
        projection: None,
        weights: vec![0.1, -0.0, f32::MIN_POSITIVE / 2.0],
        weights_best_by_validation: vec![f32::INFINITY, f32::MAX],
    }
}

#[test]
fn a_genome_file_comes_back_and_no_flipped_bit_or_cut_is_missed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("genome.safetensors");
    genome().write(&path).unwrap();
    assert_eq!(Genome::read(&path).unwrap(), genome());
    let whole = fs::read(&path).unwrap();
    for bit in 0..whole.len() * 8 {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &damaged).unwrap();
        assert!(Genome::read(&path).is_err(), "bit {bit}");
    }
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(Genome::read(&path).is_err(), "cut at {length}");
    }
}

#[test]
fn a_genome_file_can_be_read_by_any_safetensors_reader() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("genome.safetensors");
    genome().write(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = header.metadata().clone().unwrap();
    assert_eq!((metadata["format"].as_str(), metadata["seed"].as_str()), ("subevo-genome-1", "18446744073709551615"));
    assert_eq!(serde_json::from_str::<Subset>(&metadata["subset"]).unwrap(), genome().subset);
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let weights = tensors.tensor("weights").unwrap();
    assert_eq!((weights.shape(), &weights.data()[..4]), (&[3][..], &0.1f32.to_le_bytes()[..]));
    let sizes = tensors.tensor("chain.sizes").unwrap();
    assert_eq!((sizes.shape(), sizes.data()), (&[2][..], &[2u64.to_le_bytes(), 1u64.to_le_bytes()].concat()[..]));
    assert_eq!((tensors.tensor("chain.values").unwrap().shape(), tensors.len()), (&[3][..], 4));
    assert_eq!(metadata["stage_best_by_validation"], "0");
    // Where the subset is fixed nothing speaks of stages.
    let fixed = Genome { chain: Chain::default(), weights_best_by_validation: vec![1.0; 3], ..genome() };
    fixed.write(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    assert!(!header.metadata().clone().unwrap().contains_key("stage_best_by_validation"));
    assert_eq!(header.tensors().len(), 2);
    assert_eq!(Genome::read(&path).unwrap(), fixed);
}

#[test]
fn a_genome_whose_best_stage_is_not_in_its_chain_or_has_another_size_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("genome.safetensors");
    for (stage, size) in [(0, 2), (1, 1), (2, 3)] {
        let genome =
            |size| Genome { stage_best_by_validation: stage, weights_best_by_validation: vec![0.5; size], ..genome() };
        genome(size).write(&path).unwrap();
        assert_eq!(Genome::read(&path).unwrap(), genome(size));
        let message = genome(size + 1).write(&path).unwrap_err().to_string();
        let expected = format!("`weights_best_by_validation` has {} values, but the subset trains {size}", size + 1);
        assert!(message.contains(&expected), "{message}");
    }
    let message = Genome { stage_best_by_validation: 3, ..genome() }.write(&path).unwrap_err().to_string();
    assert!(message.contains("stage_best_by_validation is 3, but the last stage is 2"), "{message}");
}
