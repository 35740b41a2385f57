//! Channels of images (members, batch, channels, height, width): cut out, and put together again.

use candle_core::{Result, Tensor};

/// The axis of the channels.
const CHANNELS: usize = 2;

/// Some channels of images, in the order of `channels`; a view where they follow each other.
pub fn select(x: &Tensor, channels: &[usize]) -> Result<Tensor> {
    if channels.iter().copied().eq(0..x.dim(CHANNELS)?) {
        return Ok(x.clone());
    }
    let views = runs(channels).map(|(first, length)| x.narrow(CHANNELS, first, length)).collect::<Result<Vec<_>>>()?;
    join(&views)
}

/// Images with their channels one after another.
pub fn join(parts: &[Tensor]) -> Result<Tensor> {
    match parts {
        [part] => Ok(part.clone()),
        parts => Tensor::cat(parts, CHANNELS),
    }
}

/// Images for `members` members: those that are shared once for each.
pub fn for_members(x: &Tensor, members: usize) -> Result<Tensor> {
    match x.dim(0)? == members {
        true => Ok(x.clone()),
        false => {
            let (_, b, c, h, w) = x.dims5()?;
            x.broadcast_as((members, b, c, h, w))
        }
    }
}

/// The channels `wanted`, each from the piece that lists it; zeros for a channel that none does.
pub fn assemble(pieces: &[(Vec<usize>, Tensor)], wanted: &[usize]) -> Result<Tensor> {
    if let [(listed, x)] = pieces {
        if listed == wanted {
            return Ok(x.clone());
        }
    }
    let members = pieces.iter().map(|(_, x)| x.dim(0)).collect::<Result<Vec<_>>>()?.into_iter().max().unwrap_or(1);
    let mut all = Vec::with_capacity(pieces.len() + 1);
    let mut place_of =
        vec![None; wanted.iter().chain(pieces.iter().flat_map(|(listed, _)| listed)).max().map_or(0, |c| c + 1)];
    let mut places = 0;
    for (listed, x) in pieces {
        listed.iter().enumerate().for_each(|(i, channel)| place_of[*channel] = Some(places + i));
        places += listed.len();
        all.push(for_members(x, members)?);
    }
    if wanted.iter().any(|channel| place_of[*channel].is_none()) {
        let (m, b, _, h, w) = all[0].dims5()?;
        all.push(Tensor::zeros((m, b, 1, h, w), all[0].dtype(), all[0].device())?);
    }
    // A run of zeros is as many of the one channel of zeros, never one after another.
    let order: Vec<usize> = wanted.iter().map(|channel| place_of[*channel].unwrap_or(places)).collect();
    if let [x] = &all[..] {
        return select(x, &order);
    }
    let mut views = Vec::new();
    for (first, length) in runs(&order) {
        // A run may go over the end of one piece into the next.
        let (mut first, mut length) = (first, length);
        let mut begin = 0;
        for x in &all {
            let channels = x.dim(CHANNELS)?;
            let here = length.min((begin + channels).saturating_sub(first));
            if here > 0 && first >= begin {
                views.push(x.narrow(CHANNELS, first - begin, here)?);
                (first, length) = (first + here, length - here);
            }
            begin += channels;
        }
    }
    join(&views)
}

/// Numbers that follow each other, as first and length.
fn runs(numbers: &[usize]) -> impl Iterator<Item = (usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((first, length)) if *first + *length == *number => *length += 1,
            _ => runs.push((*number, 1)),
        }
    }
    runs.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    /// Images whose every value is its member and channel: 10 * member + channel.
    fn images(members: usize, channels: &[usize]) -> Tensor {
        let values = (0..members).flat_map(|m| (0..2).flat_map(move |_| channels.iter().map(move |c| (m, *c))));
        let values: Vec<f32> = values.flat_map(|(m, c)| [(10 * m + c) as f32; 6]).collect();
        Tensor::from_vec(values, (members, 2, channels.len(), 2, 3), &Device::Cpu).unwrap()
    }

    fn channels_of(x: &Tensor) -> Vec<Vec<f32>> {
        let (members, ..) = x.dims5().unwrap();
        let of = |m: usize| x.get(m).unwrap().get(1).unwrap().flatten(1, 2).unwrap().to_vec2::<f32>().unwrap();
        (0..members).map(|m| of(m).into_iter().map(|channel| channel[4]).collect()).collect()
    }

    #[test]
    fn channels_come_from_the_piece_that_lists_them_and_are_zero_where_none_does() {
        let own = (vec![4, 1], images(2, &[4, 1]));
        let shared = (vec![0, 2], images(1, &[0, 2]));
        let got = assemble(&[own.clone(), shared], &[0, 1, 2, 3, 4, 5]).unwrap();
        assert_eq!(channels_of(&got), [[0.0, 1.0, 2.0, 0.0, 4.0, 0.0], [0.0, 11.0, 2.0, 0.0, 14.0, 0.0]]);
        assert_eq!(channels_of(&assemble(std::slice::from_ref(&own), &[1, 4]).unwrap()), [[1.0, 4.0], [11.0, 14.0]]);
        assert_eq!(channels_of(&assemble(&[own], &[4, 1]).unwrap()), [[4.0, 1.0], [14.0, 11.0]]);
        let (first, second) = ((vec![0, 1], images(1, &[0, 1])), (vec![2, 3], images(1, &[2, 3])));
        assert_eq!(channels_of(&assemble(&[first, second], &[0, 1, 2, 3]).unwrap()), [[0.0, 1.0, 2.0, 3.0]]);
        assert_eq!(channels_of(&select(&images(1, &[5, 6, 7, 8]), &[1, 2, 0]).unwrap()), [[6.0, 7.0, 5.0]]);
    }
}
