//! Weights as they stand on the device: frozen values, and which of them are trained.

use candle_core::{Device, Result, Tensor};

use crate::plan::{Kind, Product, Program, Step};
use crate::subset::Start;

use super::operations::Taps;

/// Marks a value that is frozen.
pub const FROZEN: u32 = u32::MAX;

/// Values of some shape, of which members replace those that are trained.
#[derive(Clone, Debug)]
pub struct Template {
    /// (1, shape): the values of the base; 0 where differences to it are meant.
    pub frozen: Tensor,
    /// (values): the index of each value's gene, or [`FROZEN`].
    pub genes: Tensor,
    /// Whether any value is trained.
    pub trained: bool,
    /// Whether values are differences to the base.
    pub differences: bool,
}

impl Template {
    /// Shape of one member's values.
    pub fn shape(&self) -> &[usize] {
        &self.frozen.dims()[1..]
    }
}

/// The weights of one step. Filters are in the order of the product, channels in that of the input's parts.
#[derive(Clone, Debug, Default)]
pub struct StepTemplates {
    /// (filters, own channels, height, width).
    pub own: Option<Template>,
    /// (varied filters, shared channels, height, width), or (varied filters, taps) where differences to the base are summed.
    pub varied: Option<Template>,
    /// The taps of these.
    pub taps: Option<Taps>,
    /// (filters) where no input is shared, else (varied filters).
    pub bias: Option<Template>,
    /// Of the base on shared channels: weights (1, filters, shared channels, height, width) and biases (1, filters); filters
    /// that are computed whole by each member are 0.
    pub seed: Option<(Tensor, Tensor)>,
    /// (channels) of each part of the step.
    pub scale: Vec<Template>,
    /// As `scale`.
    pub shift: Vec<Template>,
}

/// Makes templates of a start's weights.
pub struct Maker<'a> {
    start: &'a Start,
    device: &'a Device,
    /// For each weight of the network its gene.
    gene_of: Vec<u32>,
}

impl<'a> Maker<'a> {
    /// For the weights of `start` on `device`.
    pub fn new(start: &'a Start, device: &'a Device) -> Self {
        let mut gene_of = vec![FROZEN; start.weights.len()];
        for span in &start.subset.spans {
            let genes = &mut gene_of[span.position..span.position + span.length];
            genes.iter_mut().zip(span.gene as u32..).for_each(|(of, gene)| *of = gene);
        }
        Maker { start, device, gene_of }
    }

    /// The templates of all steps of a program.
    ///
    /// # Errors
    /// If the device cannot hold them.
    pub fn program(&self, program: &Program) -> Result<Vec<StepTemplates>> {
        program.steps.iter().map(|step| self.step(program, step)).collect()
    }

    fn step(&self, program: &Program, step: &Step) -> Result<StepTemplates> {
        let mut templates = match &step.kind {
            Kind::Product(product) => self.product(program, step, product)?,
            _ => StepTemplates::default(),
        };
        if let Some(norm) = step.norm {
            for part in &step.parts {
                let of = |id| {
                    let first = self.start.graph.parameter(id).offset;
                    self.template(part.channels.iter().map(|c| first + c), &[part.channels.len()], false)
                };
                templates.scale.push(of(norm.scale)?);
                templates.shift.push(of(norm.shift)?);
            }
        }
        Ok(templates)
    }

    fn product(&self, program: &Program, step: &Step, product: &Product) -> Result<StepTemplates> {
        let graph = &self.start.graph;
        let first = graph.parameter(product.weight).offset;
        let bias = product.bias.map(|id| graph.parameter(id).offset);
        let [height, width] = product.window;
        let area = height * width;
        let channels = step.input.channels;
        let place = |filter: usize, channel: usize, tap: usize| first + (filter * channels + channel) * area + tap;
        let (fixed, varied) = product.filters.split_at(product.filters.len() - product.varied);
        let whole = |filters: &[usize], channels: &[usize]| -> Vec<usize> {
            let of_filter = |f: usize| channels.iter().flat_map(move |c| (0..area).map(move |tap| place(f, *c, tap)));
            filters.iter().flat_map(|f| of_filter(*f)).collect()
        };
        let mut templates = StepTemplates::default();

        let parts = program.value(step.inputs[0]).map_or(&[][..], |step| &step.parts);
        let own: Vec<usize> = parts.iter().flat_map(|part| part.channels.iter().copied()).collect();
        if product.own_inputs {
            let shape = [product.filters.len(), own.len(), height, width];
            templates.own = Some(self.template(whole(&product.filters, &own), &shape, false)?);
        }
        let differences = !product.shared.is_empty() && !product.dense;
        if !varied.is_empty() && product.dense {
            let shape = [varied.len(), product.shared.len(), height, width];
            templates.varied = Some(self.template(whole(varied, &product.shared), &shape, false)?);
        } else if !varied.is_empty() && !product.taps.is_empty() {
            let of_filter = |f: usize| product.taps.iter().map(move |[c, y, x]| place(f, *c, y * width + x));
            let places = varied.iter().flat_map(|f| of_filter(*f));
            templates.varied = Some(self.template(places, &[varied.len(), product.taps.len()], true)?);
            // Of the shared channels alone, which are cut out of the input.
            let index = |c: &usize| product.shared.binary_search(c).expect("taps are on shared channels");
            let places: Vec<[usize; 3]> = product.taps.iter().map(|[c, y, x]| [index(c), *y, *x]).collect();
            templates.taps = Some(Taps::new(places, self.device)?);
        }
        if let Some(bias) = bias {
            let of = if product.shared.is_empty() { &product.filters[..] } else { varied };
            if !of.is_empty() {
                templates.bias = Some(self.template(of.iter().map(|f| bias + f), &[of.len()], differences)?);
            }
        }
        if product.seeded() {
            let zeros = if product.dense { varied.len() } else { 0 };
            let filled = if product.dense { fixed } else { &product.filters };
            let seed = |places: Vec<usize>, zeros: usize| -> Vec<f32> {
                let values = places.into_iter().map(|place| self.start.weights[place]);
                values.chain(std::iter::repeat_n(0.0, zeros)).collect()
            };
            let weights = seed(whole(filled, &product.shared), zeros * product.shared.len() * area);
            let biases = match bias {
                Some(bias) => seed(filled.iter().map(|f| bias + f).collect(), zeros),
                None => vec![0.0; product.filters.len()],
            };
            let shape = (1, product.filters.len(), product.shared.len(), height, width);
            let weights = Tensor::from_vec(weights, shape, self.device)?;
            templates.seed = Some((weights, Tensor::from_vec(biases, (1, product.filters.len()), self.device)?));
        }
        Ok(templates)
    }

    /// The weights at some places of the network.
    fn template(
        &self,
        places: impl IntoIterator<Item = usize>,
        shape: &[usize],
        differences: bool,
    ) -> Result<Template> {
        let places: Vec<usize> = places.into_iter().collect();
        let genes: Vec<u32> = places.iter().map(|place| self.gene_of[*place]).collect();
        let value = |place: &usize| if differences { 0.0 } else { self.start.weights[*place] };
        let frozen: Vec<f32> = places.iter().map(value).collect();
        let shape: Vec<usize> = std::iter::once(1).chain(shape.iter().copied()).collect();
        Ok(Template {
            trained: genes.iter().any(|gene| *gene != FROZEN),
            frozen: Tensor::from_vec(frozen, shape, self.device)?,
            genes: Tensor::from_vec(genes, places.len(), self.device)?,
            differences,
        })
    }
}

impl Taps {
    /// Puts taps onto a device.
    pub fn new(places: Vec<[usize; 3]>, device: &Device) -> Result<Self> {
        let flat: Vec<u32> = places.iter().flatten().map(|x| *x as u32).collect();
        let tensor = Tensor::from_vec(flat, (places.len(), 3), device)?;
        Ok(Taps { places: places.into(), tensor })
    }
}
