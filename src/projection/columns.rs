//! The rows of some members cut into blocks of columns, so that threads take a block of all members at a time.

/// For each block of `width` columns (the last may be narrower) its part of every row, in the order of the rows.
pub fn blocks(rows: &mut [Vec<f32>], width: usize) -> Vec<Vec<&mut [f32]>> {
    let count = rows.first().map_or(0, |row| row.len().div_ceil(width));
    let members = rows.len();
    let mut blocks: Vec<Vec<&mut [f32]>> = (0..count).map(|_| Vec::with_capacity(members)).collect();
    for row in rows {
        for (block, part) in blocks.iter_mut().zip(row.chunks_mut(width)) {
            block.push(part);
        }
    }
    blocks
}
