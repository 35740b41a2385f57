//! Mistakes in a campaign: each is told with its place and the words there, and nothing is written.

use super::{Place, TINY};

/// What is written in the place of what, with `^` before the character that the report must point to, and what it must
/// say; one error, unless it says `2 errors in`.
type Mistake = (&'static str, &'static str, &'static [&'static str]);

const MISTAKES: &[Mistake] = &[
    // Keys at each level.
    ("[budget]", "[^budgets]\n[budget]", &["unknown key `budgets` in the campaign", "did you mean `budget`?"]),
    ("name = \"tiny\"", "name = \"tiny\"\n^sedes = 3", &["unknown key `sedes` in `campaign`", "did you mean `seeds`?"]),
    ("image = 8", "^imag = 8", &["unknown key `imag` in `data`", "did you mean `image`?"]),
    ("channels =", "^chanels =", &["unknown key `chanels` in `model`", "did you mean `channels`?"]),
    ("[{ batchnorm = true }", "[{ batchnorm = true, ^layer = \"bn1\" }", &["unknown key `layer` in `subset.select.0`"]),
    ("population = 8", "^populaton = 8", &["unknown key `populaton`", "did you mean `population`?"]),
    ("lr = 0.01", "lr = 0.01, ^beta = 0.9", &["unknown key `beta` in `learner.1.optimizer`", "did you mean `beta1`?"]),
    ("steps = 40", "^step = 40", &["unknown key `step` in `budget`", "did you mean `steps`?", "2 errors in"]),
    ("[budget]", "[metrics]\n^evry = 3\n[budget]", &["unknown key `evry` in `metrics`", "did you mean `every`?"]),
    ("[budget]", "[genome]\n^scal = 3\n[budget]", &["unknown key `scal` in `genome`"]),
    // Types and ranges.
    ("[campaign]\nname = \"tiny\"", "campaign = ^3", &["`campaign` = 3: must be a table", "2 errors in"]),
    ("name = \"tiny\"", "name = ^3", &["`campaign.name` = 3: must be a string"]),
    ("name = \"tiny\"", "name = ^\"../x\"", &["`campaign.name` = \"../x\": must be 1 to 32 of"]),
    ("name = \"tiny\"", "name = ^\".\"", &["`campaign.name` = \".\"", "not begin with a dot"]),
    ("name = \"tiny\"", "name = \"tiny\"\nseeds = ^0", &["`campaign.seeds` = 0: must be an integer, 1 to 100000"]),
    ("name = \"tiny\"", "name = \"tiny\"\nseeds = ^[]", &["must be a number of seeds, or a list of different seeds"]),
    ("name = \"tiny\"", "name = \"tiny\"\nseeds = ^[3, 4, 3]", &["`campaign.seeds`", "a list of different seeds"]),
    ("name = \"tiny\"", "name = \"tiny\"\nseeds = [3, ^-1]", &["`campaign.seeds.1` = -1: must be an integer"]),
    ("image = 8", "image = ^\"8\"", &["`data.image` = \"8\": must be an integer, 1 to 4096"]),
    ("test = 50", "test = 50\nvalidation = ^200", &["holds out 200 of 200 training images: must be 1 to 199"]),
    ("channels = [2, 3]", "channels = [2, ^0]", &["`model.channels.1` = 0: must be an integer, 1 to 4096"]),
    ("batch = 16\ns", "batch = ^181\ns", &["`learner.0.batch` = 181: must be an integer, 1 to 180"]),
    ("population = 8", "population = ^1", &["`learner.0.strategy.population` = 1: must be an integer, 2 to 1000000"]),
    ("lr = 0.01", "lr = ^-0.01", &["`learner.1.optimizer.lr` = -0.01: must be a number, greater than 0"]),
    ("lr = 0.01", "lr = ^nan", &["`learner.1.optimizer.lr` = nan: must be a number"]),
    ("steps = 40", "steps = ^0", &["`budget.steps` = 0: must be an integer, at least 1"]),
    ("steps = 40", "seconds = ^0.0", &["`budget.seconds` = 0.0: must be a number, greater than 0"]),
    ("[budget]", "[metrics]\nevery = ^\"often\"\n[budget]", &["`metrics.every` = \"often\": must be `log`"]),
    ("[budget]", "[metrics]\nevery = ^0\n[budget]", &["`metrics.every` = 0: must be an integer, at least 1"]),
    (
        "filters = 1 }]",
        "filters = 1 }]\nbackground = ^\"nil\"",
        &["`subset.background` = \"nil\": must be `random` or `zero`"],
    ),
    ("filters = 1 }]", "filters = 1 }]\nname = ^\"\\u001b[31m\"", &["`subset.name`", "no control characters"]),
    ("filters = 1", "filters = ^1.5", &["`subset.select.1.filters` = 1.5: must be a count"]),
    ("filters = 1", "filters = ^0", &["`subset.select.1.filters` = 0: must be a count"]),
    // Names.
    (
        "\"conv2-bn\"",
        "^\"conv2-nb\"",
        &["unknown model `conv2-nb`: expected `alexnet-cifar`, `conv2`, `conv2-bn`,", "did you mean `conv2-bn`?"],
    ),
    (
        "channels = [2, 3]",
        "channels = [2, 3]\ninit = ^\"he-norml\"",
        &["unknown init `he-norml`", "did you mean `he-normal`?"],
    ),
    (
        "\"snes\"",
        "^\"snex\"",
        &["unknown strategy `snex`: expected `", "`genetic`", "or `xnes`", "did you mean `snes`?"],
    ),
    ("{ batchnorm = true }", "{ ^batchnrm = true }", &["unknown selector `batchnrm`", "did you mean `batchnorm`?"]),
    (
        "\"backprop\"",
        "^\"backpropp\"",
        &["unknown learner `backpropp`: expected `evolution` or `backprop`", "did you mean `backprop`?"],
    ),
    (
        "\"adam\"",
        "^\"adamm\"",
        &["unknown optimizer `adamm`: expected `adam`, `adamw`, `clipup` or `sgd`", "did you mean `adam"],
    ),
    ("\"backprop\"", "\"backprop\"\nschedule = ^\"cosin\"", &["unknown schedule `cosin`", "did you mean `cosine`?"]),
    (
        "[budget]",
        "[metrics]\nnames = [^\"generalization\"]\n[budget]",
        &["unknown metric `generalization`", "did you mean `generalisation`?"],
    ),
    ("\"synthetic\"", "^\"sinthetic\"", &["unknown data set `sinthetic`", "did you mean `synthetic`?"]),
    (
        "{ name = \"snes\", population = 8 }",
        "{ name = \"genetic\", mutation = ^\"gausian\" }",
        &["unknown mutation", "`gausian`", "did you mean `gaussian`?"],
    ),
    // What does not fit together.
    (
        "[{ batchnorm = true }, { filters = 1 }]",
        "^[{ layers = \"conv9\" }]",
        &["matches nothing; the layers are conv1, bn1, conv2, bn2, fc"],
    ),
    (
        "[{ batchnorm = true }, { filters = 1 }]",
        "^[{ filters = 0.1 }]",
        &["takes no filter of any convolution", "a count"],
    ),
    (
        "[{ batchnorm = true }, { filters = 1 }]",
        "^[{ weights = 109 }]",
        &["`weights=109` asks for more than the 108 weights"],
    ),
    ("[{ batchnorm = true }, { filters = 1 }]", "^[]", &["`subset.select` is missing or empty"]),
    ("filters = 1 }]", "filters = 1 }]\nredraw = ^-1", &["`subset.redraw` = -1: must be an integer, at least 0"]),
    (
        "filters = 1 }]",
        "filters = 1 }]\nredraw = ^5",
        &["`subset.redraw` = 5 changes nothing: no part of the subset is drawn at random", "{ weights = 1000 }"],
    ),
    ("{ filters = 1 }", "^{ filters = 1, batchnorm = true }", &["names 2 selectors", "give each its own table"]),
    (
        "\"conv2-bn\"\nchannels = [2, 3]",
        "^\"lenet5\"",
        &["model `lenet5` does not fit the images of `synthetic` (1 x 8 x 8)"],
    ),
    (
        "8\nclasses = 3\ntrain = 200\ntest = 50\n\n[model]\nname = \"conv2-bn\"\nchannels = [2, 3]",
        "3\n\n[model]\nname = ^\"conv2\"",
        &["model `conv2` does not fit the images of `synthetic` (1 x 3 x 3)"],
    ),
    (
        "name = \"backprop\"",
        "name = \"backprop\"\nloss = ^\"error\"",
        &["backprop cannot minimise `error`: it has no gradient"],
    ),
    (
        "name = \"backprop\"",
        "name = \"backprop\"\nlabel = ^\"evolution\"",
        &["two learners are called `evolution`: give each a `label` of its own"],
    ),
    (
        "name = \"backprop\"",
        "name = \"backprop\"\nlabel = ^\"a/b\"",
        &["`learner.1.label` = \"a/b\": must be 1 to 32 of"],
    ),
    (
        "\"backprop\"\nbatch = 16\noptimizer = { name = \"adam\", lr = 0.01 }",
        "^\"evolution\"\nstrategy = \"snes\"",
        &["two learners are called `evolution`"],
    ),
    (
        "image = 8",
        "image = 8\naugment = ^\"crop-flp\"",
        &["unknown augmentation `crop-flp`", "did you mean `crop-flip`?"],
    ),
    (
        "image = 8",
        "image = 8\naugment = { name = \"crop-flip\", padding = ^8 }",
        &["`data.augment.padding` = 8: must be an integer, 0 to 7"],
    ),
    (
        "channels = [2, 3]",
        "channels = [2, 3]\ninit = { name = \"zeros\", batchnorm = ^\"unifrm\" }",
        &["`model.init.batchnorm` = \"unifrm\"", "did you mean `uniform`?"],
    ),
    ("steps = 40", "epochs = ^0", &["`budget.epochs` = 0: must be an integer, 1 to 1000000"]),
    ("\"backprop\"", "\"backprop\"\nrecipe = ^3", &["`learner.1.recipe` = 3: must be a string"]),
    (
        "\"backprop\"",
        "\"backprop\"\nrecipe = ^\"rosenfeld-wnr\"",
        &["unknown recipe `rosenfeld-wnr`", "did you mean `rosenfeld-wrn`?"],
    ),
    (
        "\"backprop\"",
        "\"backprop\"\nrecipe = ^\"ha-openai-es\"",
        &["recipe `ha-openai-es` is for `evolution`, not for `backprop`"],
    ),
    (
        "\"evolution\"\nbatch = 16",
        "\"evolution\"\nrecipe = ^\"ha-openai-es\"",
        &["`learner.0.batch` = 1000: must be an integer, 1 to 180"],
    ),
    (
        "[budget]\nsteps = 40",
        "^[budget]",
        &["the budget has no limit: give `epochs`, `images`, `steps`, `macs` or `seconds`"],
    ),
    (
        "[budget]\nsteps = 40",
        "",
        &["`learner.0` has no budget: give `[budget]`, or `budget` here", "campaign.toml:18:1\n", "2 errors in"],
    ),
    ("name = \"backprop\"", "name = \"backprop\"\nbudget = ^{}", &["the budget has no limit"]),
    // The grid.
    ("[budget]", "[grid]\n\"subset.background\" = ^[]\n[budget]", &["`subset.background` in the grid has no value"]),
    ("[budget]", "[grid]\n\"subset.background\" = ^\"zero\"\n[budget]", &["must be a list of values"]),
    (
        "[budget]",
        "[grid]\n^\"subst.background\" = [\"zero\"]\n[budget]",
        &["the campaign has no `subst`", "did you mean `subset`?"],
    ),
    (
        "[budget]",
        "[grid]\n\"subset.background\" = [\"zero\", ^\"zero\"]\n[budget]",
        &["two values of `subset.background`"],
    ),
    (
        "[budget]",
        "[grid]\n\"subset.background\" = [\"zero\", ^\"none\"]\n[budget]",
        &["`subset.background` = \"none\": must be"],
    ),
    ("[budget]", "[grid]\n^\"campaign.name\" = [\"a\", \"b\"]\n[budget]", &["`campaign.name` cannot vary in the grid"]),
    // The language itself.
    ("steps = 40", "steps = ^4x", &[]),
    ("steps = 40", "steps = 40\n^steps = 50", &["steps"]),
    ("name = \"tiny\"", "name = \"tiny^", &["invalid basic string"]),
];

/// The text without its mark, and the mark's line and column, from 1.
fn marked(text: &str) -> (String, Option<(usize, usize)>) {
    let Some((before, _)) = text.split_once('^') else { return (text.to_string(), None) };
    let line = 1 + before.matches('\n').count();
    let column = 1 + before.rsplit('\n').next().unwrap().chars().count();
    (text.replacen('^', "", 1), Some((line, column)))
}

#[test]
fn every_mistake_is_told_with_its_place_and_nothing_is_written() {
    let place = Place::new(TINY);
    let mut wrong = Vec::new();
    for (old, new, words) in MISTAKES {
        assert_eq!(TINY.matches(old).count(), 1, "{old} is not in the campaign once");
        let (text, at) = marked(&TINY.replace(old, new));
        std::fs::write(place.path("campaign.toml"), text).unwrap();
        let run = place.subevo(&["run", "campaign.toml"]);
        let expected = at.map(|(line, column)| format!("--> campaign.toml:{line}:{column}\n")).unwrap_or_default();
        let told = run.err.contains(&expected) && words.iter().all(|words| run.err.contains(words));
        let two = words.contains(&"2 errors in");
        let last = format!("{} in campaign.toml; nothing was started\n", if two { "2 errors" } else { "1 error" });
        let check = place.subevo(&["check", "campaign.toml"]);
        let codes = (run.code(), check.code()) == (Some(2), Some(2));
        if !(told && codes && run.err.ends_with(&last) && run.out.is_empty() && check.err == run.err) {
            wrong.push(format!("{new:?}: expected {expected}{words:?}, exit 2, found {:?}:\n{}", run.code(), run.err));
        }
        assert!(!place.path("runs").exists(), "{new}");
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), MISTAKES.len(), wrong.join("\n"));
}

#[test]
fn a_chain_that_is_too_long_or_has_no_end_is_refused_before_anything_is_written() {
    let place = Place::new(&TINY.replace("{ filters = 1 }", "{ weights = 4 }"));
    // Ten batch-norm weights and four others; 8 members on 16 images are 128 images a generation.
    let refused = |sets: &[&str]| {
        let words: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
        let run = place.subevo(&[&["run", "campaign.toml"], &words[..]].concat()).expect(2);
        let check = place.subevo(&[&["check", "campaign.toml"], &words[..]].concat()).expect(2);
        assert_eq!(run.err, check.err);
        assert!(!place.path("runs").exists());
        run.err
    };
    for (budget, stages) in [("steps = 100_000_000", 20_000_000), ("images = 12_800_000_000", 20_000_000)] {
        let message = refused(&["subset.redraw=5", &format!("budget={{ {budget} }}")]);
        let values = 14 * (stages - 1);
        let found =
            format!("`subset.redraw` = 5 makes {stages} stages of 14 weights, and a chain of {values} learned values");
        assert!(message.contains("learner `evolution`") && message.contains(&found), "{message}");
        // 100,000,000 / 14 = 7,142,857, and one stage whose values are in no chain: 100,000,000 / 7,142,858 = 14.0.
        assert!(message.contains("at most 100000000 are allowed; draw again after 14 steps or more"), "{message}");
    }
    let enough = ["check", "campaign.toml", "--set", "budget={ steps = 100_000_000 }", "--set", "subset.redraw=14"];
    place.subevo(&enough).expect(0);
    let message = refused(&["subset.redraw=5", "budget={ seconds = 5 }"]);
    assert!(message.contains("a budget in seconds alone") && message.contains("give `steps`"), "{message}");
    let both = ["check", "campaign.toml", "--set", "budget={ seconds = 5, steps = 9 }", "--set", "subset.redraw=5"];
    place.subevo(&both).expect(0);
}

#[test]
fn mistakes_are_told_all_at_once_in_the_order_of_the_file_then_of_the_command_line() {
    let text = TINY.replace("\"snes\"", "\"snex\"").replace("image = 8", "imag = 8").replace("steps = 40", "steps = 0");
    let place = Place::new(&text);
    let ended =
        place.subevo(&["run", "campaign.toml", "--set", "learner.1.batch=0", "--set", "subset.name=3"]).expect(2);
    let places: Vec<&str> = ended.err.lines().filter_map(|line| line.trim_start().strip_prefix("--> ")).collect();
    let expected = [
        "campaign.toml:6:1",
        "campaign.toml:21:21",
        "campaign.toml:29:9",
        "command line: --set subset.name=3",
        "command line: --set learner.1.batch=0",
    ];
    assert_eq!(places, expected, "{}", ended.err);
    assert!(ended.err.ends_with("5 errors in campaign.toml and on the command line; nothing was started\n"));
    assert!(!place.path("runs").exists());
}

#[test]
fn mistakes_in_set_are_told_in_the_words_typed() {
    let place = Place::new(TINY);
    for (set, expected) in [
        ("budget.steps", "`budget.steps` has no `=` and no value"),
        ("learner.7.batch=3", "learner"),
        ("budget.stps=3", "did you mean `steps`?"),
        ("campaign.name=../x", "`campaign.name` = \"../x\""),
        ("learner=[]", "no `[[learner]]`: give at least one"),
        ("campaign.seeds=100001", "1 to 100000"),
        ("grid.\"data.seed\"=[1,2,2]", "two values of `data.seed`"),
        ("=3", "command line: --set =3"),
        ("", "command line: --set"),
    ] {
        for command in ["run", "check", "inspect"] {
            let ended = place.subevo(&[command, "campaign.toml", "--set", set]).expect(2);
            assert!(
                ended.err.contains(expected) && ended.err.contains("--> command line: --set"),
                "{set}: {}",
                ended.err
            );
        }
    }
    let many = ["--set", "campaign.seeds=100000", "--set", "grid.\"data.seed\"=[1,2]"];
    let ended = place.subevo(&[&["check", "campaign.toml"], &many[..]].concat()).expect(2);
    assert!(ended.err.contains("the campaign has more than 100000 runs"), "{}", ended.err);
    assert!(!place.path("runs").exists());
}
