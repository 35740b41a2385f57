//! Counts, words, bytes and choices of plans, by hand.

use super::*;
use crate::graph::{Activation, Conv, GraphBuilder, NodeId, Pool};

const LIMITS: Limits = Limits { memory: 1 << 30, threads: 4 };

/// Multiplies of conv1, conv2 and fc of [`graph`].
const MACS: [u64; 3] = [112_896, 903_168, 15_680];

/// conv2-bn with 16 and 32 filters on 28 x 28.
fn graph() -> Graph {
    let (mut g, mut x) = GraphBuilder::new([1, 28, 28]);
    for (i, filters) in [(1, 16), (2, 32)] {
        x = g.conv2d(x, &format!("conv{i}"), Conv::same(filters, 3)).unwrap();
        x = g.batch_norm(x, &format!("bn{i}")).unwrap();
        x = g.relu(x, &format!("relu{i}")).unwrap();
        x = g.max_pool(x, &format!("pool{i}"), Pool::HALVE).unwrap();
    }
    x = g.flatten(x, "flatten").unwrap();
    x = g.linear(x, "fc", 10, true).unwrap();
    g.finish(x).unwrap()
}

/// The subset of the scalars for which `chosen` holds, told their parameter and their index in it.
fn subset(graph: &Graph, chosen: impl Fn(&str, usize) -> bool) -> Subset {
    let marks = graph.parameters.iter().flat_map(|parameter| {
        let of = |i| chosen(&parameter.name, i);
        (0..parameter.len()).map(of).collect::<Vec<_>>()
    });
    Subset::from_marks("test", graph, &marks.collect::<Vec<_>>()).unwrap()
}

/// All scalars of some layers.
fn layers(graph: &Graph, layers: &[&str]) -> Subset {
    subset(graph, |name, _| layers.contains(&name.split('.').next().unwrap()))
}

/// A quarter of the filters of both convolutions: 4 of 16 and 8 of 32.
fn quarter(graph: &Graph) -> Subset {
    subset(graph, |name, i| match name {
        "conv1.weight" => i / 9 % 4 == 1,
        "conv2.weight" => i / 144 % 4 == 1,
        _ => false,
    })
}

fn plan(graph: &Graph, subset: &Subset) -> Plan {
    Plan::new(graph, subset, 10, LIMITS)
}

fn node<'a>(plan: &'a Plan, name: &str) -> &'a NodePlan {
    plan.nodes.iter().find(|node| node.name == name).unwrap()
}

#[test]
fn the_prefix_that_no_member_changes_is_shared() {
    let graph = graph();
    let of = |names: &[&str]| -> Vec<String> {
        let plan = plan(&graph, &layers(&graph, names));
        let nodes = graph.nodes.iter().zip(&plan.per_member).filter(|(_, member)| !**member);
        nodes.map(|(node, _)| node.name.clone()).collect()
    };
    assert_eq!(of(&["bn1", "bn2"]), ["input", "conv1"]);
    assert_eq!(of(&["conv1", "conv2"]), ["input"]);
    let before_fc = ["input", "conv1", "bn1", "relu1", "pool1", "conv2", "bn2", "relu2", "pool2", "flatten"];
    assert_eq!(of(&["fc"]), before_fc);
    assert_eq!(of(&["bn2"]), before_fc[..6]);
}

#[test]
fn multiplies_are_counted_as_by_hand() {
    let graph = graph();
    let [conv1, conv2, fc] = MACS;
    let check = |subset: &Subset, shared: u64, member: u64, backward: u64| {
        let plan = plan(&graph, subset);
        assert_eq!((plan.shared_macs, plan.member_macs), (shared, member));
        assert_eq!((plan.total_macs, plan.backward_macs), (conv1 + conv2 + fc, backward));
        assert_eq!(plan.macs(3), 10 * (shared + 3 * member));
        assert_eq!(plan.gradient_macs(), 10 * (conv1 + conv2 + fc + backward));
    };
    // Nothing but batch-norm: gradients of the inputs of conv2 and fc, none of any weight.
    check(&layers(&graph, &["bn1", "bn2"]), conv1, conv2 + fc, conv2 + fc);
    check(&layers(&graph, &["fc"]), conv1 + conv2, fc, fc);
    // Four of 32 filters: 4 x 144 weights at 14 x 14 positions; no gradient below conv2. Of fc four of 32 channels differ.
    let four = subset(&graph, |name, i| name == "conv2.weight" && i >= 28 * 144);
    check(&four, conv1 + conv2 / 32 * 28 + fc / 32 * 28, conv2 / 32 * 4 + fc / 32 * 4, 4 * 144 * 196 + fc);
    let all = layers(&graph, &["conv1", "bn1", "conv2", "bn2", "fc"]);
    check(&all, 0, conv1 + conv2 + fc, conv1 + 2 * conv2 + 2 * fc);
}

#[test]
fn of_a_quarter_of_the_filters_224_of_512_pairs_of_channels_are_each_members() {
    let graph = graph();
    let plan = plan(&graph, &quarter(&graph));
    // 4 own input channels x 32 filters + 12 shared ones x 8 trained filters; nine taps at 14 x 14 positions.
    let pair = 9 * 196;
    assert_eq!(node(&plan, "conv2").macs, Macs { shared: (512 - 224) * pair, member: 224 * pair });
    assert_eq!(node(&plan, "conv1").macs, Macs { shared: 12 * 9 * 784, member: 4 * 9 * 784 });
    // The engine computes conv1 whole for the base, and the seed of conv2 with empty columns for the trained filters.
    let executed = [MACS[0] + 12 * 32 * pair, 4 * 9 * 784 + 224 * pair + MACS[2]];
    assert_eq!([plan.executed.shared, plan.executed.member], executed);
    assert_eq!(plan.executed_macs(64), 10 * (executed[0] + 64 * executed[1]));
    let conv2 = node(&plan, "conv2");
    assert_eq!(
        (conv2.sharing, conv2.filters, conv2.filters_trained, conv2.filters_shared),
        (Sharing::PartlyShared, 32, 8, 24)
    );
    assert_eq!(conv2.note(), "24 of 32 filters shared; 4 of 16 input channels per member");
}

#[test]
fn few_weights_of_a_filter_cost_their_taps_and_the_base_is_counted_once_and_whole() {
    let graph = graph();
    // The first tap of the channels 0, 5 and 10 of filter 3, and the second of channel 0 of filter 7.
    let plan = plan(
        &graph,
        &subset(&graph, |name, i| {
            name == "conv2.weight" && [3 * 144, 3 * 144 + 45, 3 * 144 + 90, 7 * 144 + 1].contains(&i)
        }),
    );
    let conv2 = node(&plan, "conv2");
    // Four taps for each of the two filters.
    assert_eq!(conv2.macs, Macs { shared: MACS[1], member: 4 * 2 * 196 });
    assert_eq!((conv2.sharing, conv2.filters_shared, conv2.taps), (Sharing::SparseCorrected, 30, 4));
    assert_eq!(conv2.note(), "2 of 32 filters corrected on 4 taps");
    assert!(plan.shared_macs + plan.member_macs > plan.total_macs);
    assert_eq!(plan.gradient_macs(), 10 * (plan.total_macs + plan.backward_macs), "backprop computes nothing twice");
}

#[test]
fn each_node_has_a_word_and_names_the_operation_that_it_is_computed_with() {
    let graph = graph();
    let words = |subset: &Subset| -> Vec<(&'static str, Option<String>)> {
        let plan = plan(&graph, subset);
        plan.nodes[1..].iter().map(|node| (node.sharing.name(), node.fused_into.clone())).collect()
    };
    let of = |words: &[(&'static str, &str)]| -> Vec<(&'static str, Option<String>)> {
        words.iter().map(|(word, with)| (*word, (!with.is_empty()).then(|| with.to_string()))).collect()
    };
    let member = "per-member";
    let norms = of(&[
        ("shared", ""),
        ("promoted", ""),
        (member, ""),
        (member, ""),
        (member, ""),
        (member, "conv2"),
        (member, "conv2"),
        (member, "conv2"),
        (member, ""),
        (member, ""),
    ]);
    assert_eq!(words(&layers(&graph, &["bn1", "bn2"])), norms);
    let partly = "partly-shared";
    let of_filters = words(&quarter(&graph));
    let behind = (partly, Some("conv1".to_string()));
    assert_eq!(of_filters[0], (partly, None));
    assert_eq!(of_filters[1..4], [behind.clone(), behind.clone(), behind]);
    assert_eq!(of_filters[4], (partly, None));
    assert_eq!(of_filters[5], (member, Some("conv2".to_string())));
    let classifier = words(&layers(&graph, &["fc"]));
    assert_eq!(classifier[0], ("shared", None));
    assert_eq!(classifier[1], ("shared", Some("conv1".to_string())));
    assert_eq!(classifier[9], ("folded", None));
    assert_eq!(words(&layers(&graph, &["conv1"]))[0], ("folded", None));
}

#[test]
fn a_batch_norm_of_which_some_channels_are_trained_behind_trained_filters_says_how_many_are_shared() {
    let graph = graph();
    let plan = plan(
        &graph,
        &subset(&graph, |name, i| {
            (name == "conv1.weight" && i < 4 * 9) || (name == "bn1.scale" && (4..10).contains(&i))
        }),
    );
    let bn1 = node(&plan, "bn1");
    assert_eq!((bn1.sharing, bn1.filters_trained, bn1.filters_shared), (Sharing::PartlyShared, 6, 6));
    assert_eq!(bn1.note(), "6 of 16 channels shared; with conv1");
    assert_eq!(node(&plan, "conv2").note(), "32 of 32 filters shared; 10 of 16 input channels per member");
}

#[test]
fn a_graph_without_programs_is_counted_node_by_node_and_says_why() {
    let (mut g, x) = GraphBuilder::new([1, 4, 4]);
    let pooled = g.max_pool(x, "pool", Pool::HALVE).unwrap();
    let wide = g.conv2d(pooled, "conv", Conv::same(4, 1)).unwrap();
    let [a, b] = [(x, "a"), (wide, "b")].map(|(x, name)| g.flatten(x, name).unwrap());
    let sum = g.add(a, b, "sum").unwrap();
    let out = g.linear(sum, "fc", 2, false).unwrap();
    let graph = g.finish(out).unwrap();
    let plan = plan(&graph, &layers(&graph, &["conv"]));
    assert!(plan.programs.is_none());
    assert_eq!(plan.reference_because(), Some("two flattened images of different sizes are added"));
    assert_eq!((plan.shared_macs, plan.member_macs), (0, 16 + 32));
    assert_eq!((node(&plan, "conv").sharing, node(&plan, "pool").sharing), (Sharing::PerMember, Sharing::Shared));
    // 16 images of conv and 16 of b; 16 of b and 16 of the sum: never more than 32 values, and the patches of one image.
    assert_eq!(plan.reference, [2 * 10 * 16 * 4 - 10 * 12 * 4, 32 * 10 * 4 + 4 * 4]);
    assert!(plan.peak_bytes() > plan.reference[0] + plan.reference[1]);
}

#[test]
fn what_a_unit_holds_is_counted_as_by_hand() {
    let graph = graph();
    let of = |unit: usize| {
        let subset = layers(&graph, &["bn1", "bn2"]);
        let programs = Programs::new(&graph, &Trained::of(&graph, &subset), Cut::at_images(&graph)).unwrap();
        memory::population(&programs, &Sizes::new(&graph, 96, 10), unit, 0)
    };
    // Channels of conv1 are computed once and read as they are, with a pair of each window; no borders, no seeds. The shared
    // pass has buffers of its own: the images' and conv1's output.
    let image = 10 * 784;
    let shared = image + 7_840 + 125_440 + 10 * 12_544 + 10 * 16 * (2 * 196 + 4);
    assert_eq!(of(1).shared, 4 * shared as u64);
    // Buffers: the pooled conv2 and its two sums, of which the logits take one. pool1 is read from the
    // pairs. Beside them banks (scales and shifts, offsets, biases of conv2 and fc), genes and pending maps.
    let unit = |m: usize| {
        let buffers = m * (10 * 49 * 32 + 2 * 10 * 32);
        let banks = m * 2 * 48 + 9 * 16 + 49 * 32 + m * (32 + 10);
        buffers + banks + m * (2 * 96 + 110) + m * 4 * 48
    };
    assert_eq!([of(1).unit, of(3).unit], [4 * unit(1) as u64, 4 * unit(3) as u64]);
}

#[test]
fn memory_makes_units_smaller_and_then_fewer_and_changes_nothing_that_is_counted() {
    let graph = graph();
    let subset = quarter(&graph);
    let plan = |memory, threads| Plan::new(&graph, &subset, 10, Limits { memory, threads }).for_population(64);
    let reference = plan(u64::MAX, 4);
    assert_eq!(reference.units_at_once, 4);
    assert!(reference.unit > 1 && reference.peak_bytes() < 64 << 20);
    let mut last = (reference.units_at_once, reference.unit);
    for memory in (0..=reference.peak_bytes() + 1).rev().step_by(1 << 16) {
        let plan = plan(memory, 4);
        let now = (plan.units_at_once, plan.unit);
        assert!(now <= last, "{now:?} behind {last:?}");
        assert!(plan.peak_bytes() <= memory || now == (1, 1));
        assert_eq!((plan.shared_macs, plan.member_macs), (reference.shared_macs, reference.member_macs));
        last = now;
    }
    assert_eq!(last, (1, 1));
    // A population of any size holds at most as much.
    assert!(Plan::new(&graph, &subset, 10, LIMITS).peak_bytes() >= reference.peak_bytes());
    let many = Plan::new(&graph, &subset, 10, LIMITS).for_population(4_096);
    assert_eq!(many.peak_bytes(), plan(LIMITS.memory, LIMITS.threads).peak_bytes());
}

#[test]
fn what_does_not_fit_says_what_is_needed_what_is_allowed_and_what_to_change() {
    let graph = graph();
    let subset = layers(&graph, &["fc"]);
    let plan = |memory| Plan::new(&graph, &subset, 10, Limits { memory, threads: 1 }).for_population(64);
    let enough = plan(1 << 30);
    assert_eq!(enough.check_population(64, 1 << 30), Ok(()));
    assert_eq!(enough.check_gradient(), Ok(()));
    let told = plan(1 << 20).check_population(64, 1 << 30).unwrap_err();
    assert!(told.starts_with("needs at least 1"), "{told}");
    for word in ["`--memory` allows 1.00 MiB: ", " for a batch of 10 images", " for one member, ", "a smaller `batch`"]
    {
        assert!(told.contains(word), "{word}: {told}");
    }
    assert!(plan(1 << 20).check_gradient().unwrap_err().contains(" for the gradient, "));
    // 2 x n x k x 4 bytes of a million members.
    assert_eq!(enough.population_bytes(1_000_000), 8 * 1_000_000 * 15_690);
    let told = enough.check_population(1_000_000, 1 << 36).unwrap_err();
    assert!(told.starts_with("a population of 1000000 with 15690 genes takes 117 GiB (2 x n x k x 4 bytes)"));
    assert!(told.contains("this machine has 64.0 GiB: take a smaller `population`"), "{told}");
}

#[test]
fn a_node_read_twice_by_one_reader_is_held_once() {
    let (mut g, x) = GraphBuilder::new([1, 2, 2]);
    let x = g.conv2d(x, "conv", Conv::same(1, 1)).unwrap();
    let x = g.add(x, x, "double").unwrap();
    let x = g.concat(&[x, x, x], "triple").unwrap();
    let x = g.flatten(x, "flatten").unwrap();
    let x = g.linear(x, "fc", 2, false).unwrap();
    let graph = g.finish(x).unwrap();
    let plan = plan(&graph, &layers(&graph, &["conv"]));
    // Most at flatten: 12 values in and out; the patches of conv are 4 values.
    assert_eq!(plan.reference[1], 24 * 10 * 4 + 4 * 4);
}

/// Images of 2 x 6 x 6 values through a convolution `conv` and what `then` puts behind it, to two classes.
fn behind_conv(then: impl Fn(&mut GraphBuilder, NodeId) -> NodeId) -> Graph {
    let (mut g, x) = GraphBuilder::new([2, 6, 6]);
    let x = g.conv2d(x, "conv", Conv::same(4, 3)).unwrap();
    let x = then(&mut g, x);
    let x = g.global_avg_pool(x, "mean").unwrap();
    let x = g.linear(x, "fc", 2, false).unwrap();
    g.finish(x).unwrap()
}

#[test]
fn pooling_is_computed_with_what_is_before_it_unless_an_activation_between_them_changes_the_order() {
    for activation in Activation::ALL {
        let graph = behind_conv(|g, x| {
            let x = g.activation(x, "act", activation).unwrap();
            g.max_pool(x, "pool", Pool::HALVE).unwrap()
        });
        let plan = plan(&graph, &layers(&graph, &["conv"]));
        assert_eq!(node(&plan, "act").fused_into.as_deref(), Some("conv"));
        let pooled_with = (activation != Activation::Gelu).then_some("conv");
        assert_eq!(node(&plan, "pool").fused_into.as_deref(), pooled_with, "{activation:?}");
    }
}

#[test]
fn padded_channels_are_shared_and_dropout_follows_its_input() {
    let graph = behind_conv(|g, x| {
        let x = g.dropout(x, "drop", 0.5).unwrap();
        let x = g.pad_channels(x, "pad", 1, 2).unwrap();
        g.relu(x, "relu").unwrap()
    });
    // The first two of the four filters.
    let plan = plan(&graph, &subset(&graph, |name, i| name == "conv.weight" && i < 2 * 18));
    let of = |name: &str| (node(&plan, name).sharing, node(&plan, name).filters_shared, node(&plan, name).macs);
    assert_eq!(of("drop"), (Sharing::PartlyShared, 2, Macs::default()));
    assert_eq!(of("pad"), (Sharing::PartlyShared, 5, Macs::default()));
    assert_eq!(node(&plan, "relu").fused_into.as_deref(), Some("pad"));
    assert_eq!(node(&plan, "pad").note(), "5 of 7 channels shared");
}

#[test]
fn nothing_behind_a_dropout_is_kept_for_the_data_set() {
    let keeping = |dropout: bool| {
        let graph = behind_conv(|g, x| {
            let x = if dropout { g.dropout(x, "drop", 0.5).unwrap() } else { x };
            g.conv2d(x, "conv2", Conv::same(32, 3)).unwrap()
        });
        let subset = layers(&graph, &["fc"]);
        let plan = plan(&graph, &subset).keeping(&graph, &subset, Keep { images: 10, precision: Precision::F32 });
        (plan.kept_bytes, node(&plan, "conv2").sharing)
    };
    // 32 means of each image.
    assert_eq!(keeping(false), (10 * 32 * 4, Sharing::Cached));
    assert_eq!(keeping(true), (0, Sharing::Shared));
}

#[test]
fn depth_takes_what_is_kept_for_the_gradient_and_no_scratch() {
    let plan = |depth: usize| {
        let graph = behind_conv(|g, mut x| {
            for i in 0..depth {
                x = g.conv2d(x, &format!("conv{i}"), Conv::same(4, 3)).unwrap();
                x = g.relu(x, &format!("relu{i}")).unwrap();
            }
            x
        });
        plan(&graph, &layers(&graph, &["conv"]))
    };
    let (some, more) = (plan(3), plan(13));
    assert_eq!(some.memory.thread, more.memory.thread);
    assert_eq!(some.gradient_memory.thread, more.gradient_memory.thread);
    // Ten times the output of a convolution, of ten images. Gradients that wait are given back.
    assert_eq!(more.gradient_memory.unit - some.gradient_memory.unit, 10 * 10 * 4 * 36 * 4);
}
