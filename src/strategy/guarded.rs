//! A strategy held to its contract while it runs: a user's own one may panic, or propose what cannot be evaluated.

use super::{Generation, Strategy};
use crate::error::{Error, Result};
use crate::guard::guarded;
use crate::num::wide;
use crate::operator::{Needs, Population};
use crate::state::State;

/// A strategy and its name, for messages.
pub struct Guarded {
    name: String,
    inner: Box<dyn Strategy>,
    /// Genes of a member (k).
    size: usize,
}

impl Guarded {
    /// Holds `inner` to members of `size` genes.
    pub fn new(name: impl Into<String>, inner: Box<dyn Strategy>, size: usize) -> Self {
        Guarded { name: name.into(), inner, size }
    }

    fn broke(&self, what: &str, remedy: &str) -> Error {
        Error::Learner(format!("strategy `{}` {what}: {remedy}", self.name))
    }

    /// Lets it learn, and looks at what it would deploy then.
    fn hold(&mut self, learn: impl FnOnce(&mut dyn Strategy) -> Result<()>) -> Result<()> {
        let (inner, name) = (&mut self.inner, &self.name);
        let deploys =
            |inner: &dyn Strategy| (inner.incumbent().len(), inner.incumbent().iter().all(|gene| gene.is_finite()));
        let learned = guarded(|| format!("strategy `{name}`"), || learn(&mut **inner).map(|()| deploys(&**inner)))?;
        let (deployed, finite) = learned?;
        if deployed != self.size || !finite {
            let what = format!("would deploy {deployed} genes, or some that are not finite");
            return Err(self.broke(&what, &format!("its `incumbent()` must have {} finite genes", self.size)));
        }
        Ok(())
    }

    /// Whether these can be evaluated.
    fn check(&self, asked: &Population) -> Result<()> {
        let (n, size, most) = (asked.len(), asked.size(), self.inner.population());
        if size != self.size || !(1..=most).contains(&n) {
            let (k, what) = (self.size, format!("proposed {n} members of {size} genes"));
            return Err(self.broke(&what, &format!("it must propose 1 to {most} (its `population()`) of {k} genes")));
        }
        // Without an early end, many genes at a time.
        let finite = wide(
            #[inline(always)]
            || asked.genes().iter().fold(true, |finite, gene| finite & gene.is_finite()),
        );
        if finite {
            return Ok(());
        }
        let at = asked.genes().iter().position(|gene| !gene.is_finite()).expect("one of them is not finite");
        let what = format!("made gene {} of member {} {}", at % size, at / size, asked.genes()[at]);
        Err(self.broke(&what, "genes must stay finite; make its steps smaller or mend it"))
    }
}

impl Strategy for Guarded {
    fn population(&self) -> usize {
        self.inner.population()
    }

    fn upcoming(&self) -> usize {
        self.inner.upcoming()
    }

    fn needs(&self) -> Needs {
        self.inner.needs()
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        let (inner, name) = (&mut self.inner, &self.name);
        let asked = guarded(|| format!("strategy `{name}`"), || inner.ask(now))??;
        self.check(&asked)?;
        Ok(asked)
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        self.hold(|inner| inner.tell(asked, losses))
    }

    fn tell_classes(&mut self, asked: Population, losses: &[f32], by_class: &[f32]) -> Result<()> {
        self.hold(|inner| inner.tell_classes(asked, losses, by_class))
    }

    fn incumbent(&self) -> &[f32] {
        self.inner.incumbent()
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        self.inner.diagnostics()
    }

    fn stop(&self) -> Option<String> {
        self.inner.stop()
    }

    fn save(&self) -> State {
        self.inner.save()
    }

    fn load(&mut self, state: &State) -> Result<()> {
        self.inner.load(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::Progress;
    use crate::rng::Seed;

    /// Proposes what it is told to.
    struct Proposes(fn() -> Population, Vec<f32>);

    impl Strategy for Proposes {
        fn population(&self) -> usize {
            2
        }

        fn ask(&mut self, _: &Generation<'_>) -> Result<Population> {
            Ok((self.0)())
        }

        fn tell(&mut self, _: Population, _: &[f32]) -> Result<()> {
            Ok(())
        }

        fn incumbent(&self) -> &[f32] {
            &self.1
        }

        fn diagnostics(&self) -> Vec<(&'static str, f64)> {
            Vec::new()
        }

        fn save(&self) -> State {
            State::default()
        }

        fn load(&mut self, _: &State) -> Result<()> {
            Ok(())
        }
    }

    fn said(propose: fn() -> Population, incumbent: Vec<f32>) -> std::result::Result<(), String> {
        let mut guarded = Guarded::new("mine", Box::new(Proposes(propose, incumbent)), 3);
        let now = Generation::blind(Progress { step: 0, used: 0.0 }, Seed::new(1));
        let asked = guarded.ask(&now).map_err(|error| error.to_string())?;
        guarded.tell(asked, &[1.0, 2.0]).map_err(|error| error.to_string())
    }

    #[test]
    fn what_cannot_be_evaluated_or_deployed_is_an_error_with_the_strategys_name() {
        let start = || vec![0.0; 3];
        assert_eq!(said(|| Population::zeros(2, 3), start()), Ok(()));
        for (propose, incumbent, what) in [
            (
                (|| Population::zeros(3, 3)) as fn() -> Population,
                start(),
                "proposed 3 members of 3 genes: it must propose 1 to 2",
            ),
            (|| Population::zeros(0, 3), start(), "proposed 0 members"),
            (|| Population::zeros(2, 4), start(), "proposed 2 members of 4 genes"),
            (
                || Population::from_genes(vec![0.0, 1.0, 2.0, 3.0, f32::NAN, 5.0], 3),
                start(),
                "made gene 1 of member 1 NaN",
            ),
            (|| panic!("out of cheese"), start(), "panicked: out of cheese"),
            (|| Population::zeros(2, 3), vec![0.0; 2], "would deploy 2 genes"),
            (|| Population::zeros(2, 3), vec![0.0, f32::INFINITY, 0.0], "not finite"),
        ] {
            let message = said(propose, incumbent).unwrap_err();
            assert!(message.contains("strategy `mine`") && message.contains(what), "{message}");
        }
    }
}
