//! The networks of one run, made again from what it kept, and metrics computed of them.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::again::Again;
use super::found::{Found, Runs};
use super::work::Job;
use crate::campaign::run::{header, DataCache};
use crate::campaign::stages::{order, task, Evaluating};
use crate::campaign::store::{
    config_digest, genome_path, read_kept_subset, read_measured_arrays, read_walk, Genome, MomentFile, Said,
};
use crate::campaign::{Lineage, Place, Registry, Run, Scoring};
use crate::data::{Batch, Data, Split};
use crate::engine::Probe;
use crate::error::{Error, Result};
use crate::learner::{Chain, Snapshot, Task};
use crate::metric::{sites, Caches, Measured, Peer, Redraw, Run as MeasuredRun, Site, Size, Subject, Walk, When};
use crate::record::Landmark;
use crate::record::{Header, Reading};
use crate::rng::Seed;

/// Test images of metrics: the first ones.
const IMAGES: usize = 2_000;

/// What a walk's reading says where the run kept none.
const NO_WALK: &str = "the run did not keep its walk: name the metric in the campaign's [metrics] and run it again";

/// What a reading about the learner's next steps says where the run kept no state.
const NO_STATE: &str =
    "the run did not keep its learner's states: name the metric in the campaign's [metrics] and run it again";

/// The networks of one run.
pub(super) struct Networks<'a> {
    found: &'a Found,
    run: Run<'a>,
    registry: &'a Registry,
    place: &'a Place,
    data: Arc<Data>,
    chain: Chain,
    walk: Option<Walk>,
    header: Header,
    /// The task of the first stage, and its untrained network.
    task: Task,
    untrained: Probe,
    /// All sites.
    sites: Vec<Site>,
    test: Batch,
    train: Batch,
    /// Check sum of what the nodes say that no trained weight stands before.
    upstream: Mutex<Option<u32>>,
}

/// The network of one moment.
pub(super) struct AtMoment<'n> {
    networks: &'n Networks<'n>,
    index: usize,
    task: &'n Task,
    snapshot: Snapshot<'n>,
    probe: Probe,
    peers: Vec<Peer>,
    caches: Caches,
}

impl<'a> Networks<'a> {
    pub fn new(found: &'a Found, registry: &'a Registry, place: &'a Place, data: &mut DataCache) -> Result<Self> {
        let run = found.run();
        let setup = found.setup();
        let data = data.get(setup, place.data_dir.as_deref())?;
        let subset = match read_kept_subset(&found.folder, &setup.graph)? {
            Some(subset) => subset,
            None => setup.select(run.seed, 0, Some(Scoring { data: &data, limits: place.limits }))?,
        };
        let lineage = Lineage::of(setup, subset, run.seed);
        // The configuration and the run's own file are borrowed for as long as `found` is: a run of them can be made again.
        let on_cpu = Evaluating { limits: place.limits, processor: None };
        let task = task(&run, on_cpu, &lineage, data.clone(), order(&run, &data)?)?;
        let chain =
            if setup.redraw.is_some() { Genome::read(&genome_path(&found.folder))?.chain } else { Chain::default() };
        let walk = read_walk(&found.folder, task.start.genes())?;
        let header = header(&run, &task.start, &config_digest(&run.configuration));
        let untrained = network(&task, &Snapshot::take(&task, task.start.untrained(), Default::default())?);
        // Where the subset is drawn again, a later stage may train what the first did not.
        let redrawn = vec![true; task.plan.per_member.len()];
        let trained = if setup.redraw.is_some() { &redrawn } else { &task.plan.per_member };
        let sites = sites(&task.start.graph, trained);
        let test = data.range(Split::Test, 0..IMAGES.min(data.len(Split::Test)));
        let train = task.snapshot();
        let upstream = Mutex::new(None);
        Ok(Networks {
            found,
            run,
            registry,
            place,
            data,
            chain,
            walk,
            header,
            task,
            untrained,
            sites,
            test,
            train,
            upstream,
        })
    }

    /// Sizes of the first network.
    pub fn size(&self) -> Size {
        Size::new(&self.task, &self.sites, [self.test.labels.len(), self.train.labels.len()], self.population())
    }

    fn population(&self) -> usize {
        self.found.setup().learners[0].members
    }

    /// The rate of this machine on this network: multiply-accumulates a second, of images in evaluation mode.
    pub fn macs_per_second(&self) -> Result<f64> {
        let images = self.test.labels.len().min(256);
        let some = &self.test.images[..images * self.untrained.dimension()];
        let (began, mut passes) = (Instant::now(), 0);
        while passes < 2 || began.elapsed() < Duration::from_millis(100) {
            std::hint::black_box(self.untrained.logits(some));
            passes += 1;
        }
        let macs = self.task.start.graph.macs() as f64 * (images * passes) as f64;
        Ok(macs / began.elapsed().as_secs_f64())
    }

    /// The network of a moment, with those that the other learners have at this landmark; `own` is the task of its stage,
    /// where that is not the first ([`Networks::own_task`]).
    pub fn moment<'n>(
        &'n self,
        found: &Runs,
        index: usize,
        landmark: Option<Landmark>,
        own: Option<&'n Task>,
    ) -> Result<AtMoment<'n>> {
        let moment = &self.found.moments[index];
        let task = own.unwrap_or(&self.task);
        // The run has written down the scores of this moment.
        let known = self.found.records.evaluations.iter().find(|evaluation| evaluation.cost == moment.cost);
        let snapshot = match known {
            Some(known) => Snapshot::scored(task, moment.trained.clone(), moment.cost, known.scores)?,
            None => Snapshot::take(task, moment.trained.clone(), moment.cost)?,
        };
        let probe = network(task, &snapshot);
        self.check_upstream(&probe, moment.cost.step)?;
        let mut peers = Vec::new();
        let fixed = self.found.setup().redraw.is_none();
        if let Some(landmark) = landmark.filter(|_| fixed) {
            for other in found.siblings(self.found) {
                let at = |step| other.moments.iter().find(|moment| moment.cost.step == step);
                let Some(moment) = landmark.step(&other.records).and_then(at) else { continue };
                if moment.trained.len() != self.task.start.genes() {
                    continue;
                }
                let scores = self.found.records.evaluations[0].scores;
                // Of a peer only the network counts.
                let snapshot = Snapshot::scored(&self.task, moment.trained.clone(), moment.cost, scores)?;
                let learner = other.records.header.learner.clone();
                peers.push(Peer {
                    learner,
                    method: other.records.header.method,
                    probe: network(&self.task, &snapshot),
                });
            }
        }
        Ok(AtMoment { networks: self, index, task, snapshot, probe, peers, caches: Caches::default() })
    }

    /// The task of the stage that a moment belongs to, where that is not the first.
    pub fn own_task(&self, index: usize) -> Result<Option<Task>> {
        let moment = &self.found.moments[index];
        if moment.stage == 0 {
            return Ok(None);
        }
        let setup = self.found.setup();
        let mut lineage = Lineage::of(setup, setup.select(self.run.seed, 0, None)?, self.run.seed);
        self.chain.links().take(moment.stage as usize).try_for_each(|link| lineage.fold(link))?;
        let on_cpu = Evaluating { limits: self.place.limits, processor: None };
        task(&self.run, on_cpu, &lineage, self.data.clone(), self.task.order.clone()).map(Some)
    }

    /// Makes sure that what no trained weight stands before has not changed since the start, to the bit: it costs one pass, and
    /// finds whatever changes weights that are frozen.
    fn check_upstream(&self, probe: &Probe, step: u64) -> Result<()> {
        let nodes: Vec<_> =
            self.sites.iter().filter(|site| !site.trained).flat_map(|site| [site.pre, site.post]).collect();
        if nodes.is_empty() {
            return Ok(());
        }
        let sum = |probe: &Probe| {
            let mut sum = crc32fast::Hasher::new();
            for values in probe.values(&self.test.images, &nodes) {
                values.chunks(1 << 16).for_each(|values| {
                    sum.update(&values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>());
                });
            }
            sum.finalize()
        };
        let known = *self.upstream.lock().expect("nothing panics while it holds the lock");
        let before = known.unwrap_or_else(|| sum(&self.untrained));
        *self.upstream.lock().expect("nothing panics while it holds the lock") = Some(before);
        if sum(probe) == before {
            return Ok(());
        }
        Err(Error::Learner(format!(
            "at step {step} layers differ from the start that no trained weight stands before: frozen weights or data have \
             changed; please report this with the run's folder"
        )))
    }
}

impl AtMoment<'_> {
    /// Computes a metric, writes down what it said, and gives the number of readings.
    pub fn compute(&self, found: &Runs, job: &Job<'_>) -> Result<usize> {
        let networks = self.networks;
        let moment = &networks.found.moments[self.index];
        let mut file = MomentFile::open(&networks.found.folder, moment.cost)?;
        let (name, parameters) = (&job.metric.name, &job.metric.parameters);
        let metric = &job.metric.metric;
        if self.index == 0 {
            if let Some((scores, said)) = self.same_start(found, job)? {
                let readings = said.measured.readings.len();
                file.put(scores, said)?;
                return Ok(readings);
            }
        }
        let before = self.at_start(name, parameters)?;
        let keep = |site: &&Site| site.trained || before.is_none();
        let sites: Vec<Site> = networks.sites.iter().filter(keep).cloned().collect();
        let setup = &networks.found.setup().learners[0];
        let again = moment.state.as_ref().map(|state| Again {
            task: self.task,
            setup,
            registry: networks.registry,
            seed: networks.run.seed,
            moment,
            state: Arc::new(state.clone()),
        });
        let needs = metric.needs();
        let measured = if needs.walk && networks.walk.is_none() {
            Measured::missing(NO_WALK)
        } else if needs.states && again.is_none() {
            Measured::missing(NO_STATE)
        } else {
            let run = MeasuredRun {
                header: &networks.header,
                population: networks.population(),
                moments: &networks.found.moments[..=self.index],
                evaluations: &networks.found.records.evaluations,
                walk: networks.walk.as_ref().filter(|_| metric.when() == When::End || needs.walk),
                redraw: again.as_ref().map(|again| again as &dyn Redraw),
            };
            let subject = Subject {
                task: self.task,
                snapshot: &self.snapshot,
                probe: &self.probe,
                untrained: &networks.untrained,
                sites: &sites,
                test: &networks.test,
                train: &networks.train,
                seed: Seed::new(networks.run.seed).child("measure"),
                run: &run,
                peers: &self.peers,
                caches: &self.caches,
            };
            metric.measure(&subject)?
        };
        let mut said = Said { metric: name.clone(), parameters: parameters.clone(), measured };
        said.measured.readings.iter_mut().for_each(|reading| reading.metric.clone_from(name));
        if let Some(before) = before {
            self.compare(&mut said, &before);
        }
        let readings = said.measured.readings.len();
        file.put(self.snapshot.scores, said)?;
        Ok(readings)
    }

    /// What the metric said of the network before training, with these parameters.
    fn at_start(&self, name: &str, parameters: &str) -> Result<Option<Said>> {
        if self.index == 0 {
            return Ok(None);
        }
        let networks = self.networks;
        let file = MomentFile::open(&networks.found.folder, networks.found.moments[0].cost)?;
        Ok(file.said(name, parameters).filter(|said| said.measured.missing.is_none()).cloned())
    }

    /// Notes beside each number what it was before training, and takes over what was said of layers that cannot have changed.
    fn compare(&self, said: &mut Said, before: &Said) {
        for reading in &mut said.measured.readings {
            let at_start = before.measured.readings.iter().find(|other| other.is_of(reading));
            reading.init = at_start.map(|other| other.value);
        }
        let unchanged = |reading: &&Reading| {
            let layer = reading.layer.as_deref();
            self.networks.sites.iter().any(|site| !site.trained && Some(&*site.layer) == layer)
        };
        let kept = before.measured.readings.iter().filter(unchanged);
        let kept: Vec<Reading> = kept.map(|reading| Reading { init: Some(reading.value), ..reading.clone() }).collect();
        said.measured.readings.extend(kept);
    }

    /// What was measured of the network before training in a run that began with the same one.
    fn same_start(&self, found: &Runs, job: &Job<'_>) -> Result<Option<(crate::record::Scores, Said)>> {
        let networks = self.networks;
        if job.metric.metric.needs() != Default::default() {
            return Ok(None);
        }
        for other in found.siblings(networks.found) {
            let Some(first) = other.moments.first() else { continue };
            if first.trained != networks.found.moments[0].trained {
                continue;
            }
            let file = MomentFile::open(&other.folder, first.cost)?;
            let said = file.said(&job.metric.name, &job.metric.parameters);
            if let (Some(said), Some(scores)) = (said, file.scores()) {
                let mut said = said.clone();
                let arrays = read_measured_arrays(&other.folder, first.cost.step, &job.metric.name)?;
                said.measured.arrays = arrays.unwrap_or_default();
                return Ok(Some((scores, said)));
            }
        }
        Ok(None)
    }
}

/// A network of a task, in evaluation mode.
fn network(task: &Task, snapshot: &Snapshot<'_>) -> Probe {
    Probe::new(task.start.graph.clone(), task.start.complete(&snapshot.weights), &snapshot.statistics)
}

#[cfg(test)]
mod tests {
    use super::super::found::find;
    use super::*;
    use crate::campaign::{run, Campaign, Options};
    use crate::plan::Limits;

    const TEXT: &str = r#"
        campaign = { name = "upstream", seeds = 1 }
        data = { name = "synthetic", image = 8, train = 200, test = 60 }
        model = { name = "conv2", channels = [3, 4] }
        subset = { select = [{ classifier = true }] }
        budget = { steps = 4 }
        learner = { name = "backprop", batch = 20 }
        metrics = { names = ["zeroed"] }
    "#;

    #[test]
    fn a_frozen_weight_that_is_another_in_its_last_bit_is_found_and_trained_ones_may_change() {
        let (root, registry) = (tempfile::tempdir().unwrap(), Registry::builtin());
        let limits = Limits { memory: 1 << 30, threads: 1 };
        let campaign = Campaign::parse("upstream.toml", TEXT, &[], &registry, false).unwrap();
        let options = Options { limits, ..Options::new(root.path().to_path_buf()) };
        let runs = find(&run(&campaign, &registry, &options, &mut ()).unwrap().runs, &registry).unwrap();
        let place = Place { data_dir: None, limits };
        let networks = Networks::new(&runs.runs[0], &registry, &place, &mut DataCache::default()).unwrap();
        let start = &networks.task.start;
        let snapshot = Snapshot::take(&networks.task, start.untrained(), Default::default()).unwrap();
        let checked = |change: &dyn Fn(&mut [f32])| {
            let mut weights = start.complete(&snapshot.weights);
            change(&mut weights);
            let probe = Probe::new(start.graph.clone(), weights, &snapshot.statistics);
            networks.check_upstream(&probe, 3).map_err(|error| error.to_string())
        };
        assert_eq!(checked(&|_| {}), Ok(()));
        // The classifier comes last, and is what is trained.
        assert_eq!(checked(&|weights| weights.iter_mut().rev().take(7).for_each(|w| *w += 1.0)), Ok(()));
        let told = checked(&|weights| weights[0] = f32::from_bits(weights[0].to_bits() ^ 1)).unwrap_err();
        assert!(told.contains("at step 3 layers differ from the start that no trained weight stands before"), "{told}");
        assert!(networks.moment(&runs, runs.runs[0].moments.len() - 1, None, None).is_ok());
    }
}
