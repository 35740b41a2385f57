//! `kill -9` at random moments: afterwards the records are those of a run that nobody disturbed, byte for byte.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use subevo::rng::Seed;

use super::{assert_same, start, Place, ALL_LEARNERS, TINY};

/// Kills of this test; `SUBEVO_TEST_KILLS` asks for another number, and `SUBEVO_TEST_SEED` for the moments of another time.
const KILLS: u64 = 20;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn after_kills_at_random_moments_the_records_are_those_of_an_undisturbed_run() {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64 >> 10;
    let (seed, kills) = (setting("SUBEVO_TEST_SEED", clock), setting("SUBEVO_TEST_KILLS", KILLS));
    eprintln!("SUBEVO_TEST_SEED={seed}");
    // A fixed subset, and one that is drawn again in the course of each run.
    let random = TINY.replace("{ filters = 1 }", "{ filters = 1, which = \"random\" }");
    let place = Place::new(&format!("{random}\n[grid]\n\"subset.redraw\" = [0, 40]\n"));
    let words = ["--set", ALL_LEARNERS, "--set", "budget.steps=150", "--set", "metrics.every=7", "--checkpoint-every"];
    fn joined<'a>(out: &'a str, words: &[&'a str]) -> Vec<&'a str> {
        [&["run", "campaign.toml", "--no-plots", "--out", out], words, &["0.02s"]].concat()
    }
    let began = Instant::now();
    place.subevo(&joined("calm", &words)).expect(0);
    let whole = began.elapsed().as_secs_f64();
    let expected = place.bytes("calm/tiny");
    assert_eq!(expected.len(), 30, "ten runs of three files");

    let mut moments = Seed::new(seed).child("kills").rng();
    let (mut done, mut resumed, mut campaigns) = (0, 0, 0);
    while done < kills {
        let out = format!("storm{campaigns}");
        campaigns += 1;
        let mut continues = false;
        loop {
            // One of five dies while it begins or takes up what was left, the others anywhere.
            let early = moments.below(5) == 0;
            let most = if early { 0.03 } else { whole };
            let after = Duration::from_secs_f64(moments.uniform() as f64 * most);
            let mut child = start(&mut place.command(&joined(&out, &words)));
            std::thread::sleep(after);
            child.kill().unwrap();
            let status = child.wait().unwrap();
            if status.success() {
                break;
            }
            assert_eq!(status.code(), None, "seed {seed}: it ended by itself: {status}");
            done += 1;
            resumed += u64::from(early && continues);
            continues = true;
        }
        let when = format!("seed {seed}, campaign {campaigns}");
        assert_same(&place.bytes(&format!("{out}/tiny")), &expected, &when);
        let again = place.subevo(&joined(&out, &words)).expect(0);
        assert!(again.err.contains("10 of 10 runs are done (10 had been done before)"), "{when}: {}", again.err);
        std::fs::remove_dir_all(place.path(&out)).unwrap();
    }
    eprintln!("{done} kills, {resumed} of them while resuming, in {campaigns} campaigns");
}
