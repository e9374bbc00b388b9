//! Short dense vectors, one per shopper or item, and what is reckoned with them, in the widest registers that the
//! processor has (the `pulp` crate chooses at run time, without unsafe code here).
//!
//! Rows are padded with zeros to whole registers of 16 numbers; sums over a row are added lane by lane, so that the last
//! bits of a result may differ between processors of different width, never between two runs on one.

use domain::ids::mix;
use pulp::Simd;

use crate::parallel;

/// Numbers in a row are a multiple of this: a register of the widest kind, or two or four of the others.
const PAD: usize = 16;

/// Rows whose products are summed at once while a Gram matrix is made.
const GRAM_ROWS: usize = 2_048;

/// Rows of one width.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Matrix {
    /// Numbers that mean something.
    width: usize,
    /// Numbers from a row to the next.
    stride: usize,
    values: Vec<f32>,
}

impl Matrix {
    /// Rows of zeros.
    pub fn zeros(rows: usize, width: usize) -> Matrix {
        let stride = width.next_multiple_of(PAD);
        Matrix { width, stride, values: vec![0.0; rows * stride] }
    }

    /// Numbers drawn evenly between 0 and `scale`, or around 0 where `centred`; the same for the same seed.
    pub fn random(rows: usize, width: usize, scale: f32, centred: bool, seed: u64) -> Matrix {
        let mut matrix = Matrix::zeros(rows, width);
        let offset = if centred { 0.5 } else { 0.0 };
        for row in 0..rows {
            for (place, value) in matrix.row_mut(row)[..width].iter_mut().enumerate() {
                let unit = (mix(seed ^ mix((row as u64) << 20 | place as u64)) >> 40) as f32 / (1u64 << 24) as f32;
                *value = (unit - offset) * scale;
            }
        }
        matrix
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.values.len().checked_div(self.stride).unwrap_or(0)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Numbers in a row that mean something.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Numbers in a row with the padding.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// A row with its padding.
    #[inline(always)]
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.stride..(row + 1) * self.stride]
    }

    /// A row with its padding, which must stay zeros.
    #[inline(always)]
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.values[row * self.stride..(row + 1) * self.stride]
    }

    /// All rows one after another, with their padding.
    pub fn as_slice(&self) -> &[f32] {
        &self.values
    }

    /// The same, to change.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// The sum over the rows of each row's outer product with itself, `ridge` added on the diagonal.
    pub fn gram(&self, ridge: f32, threads: usize) -> Matrix {
        let arch = pulp::Arch::new();
        let parts = parallel::chunks_of(
            GRAM_ROWS,
            self.len(),
            threads,
            || (),
            |(), range| {
                let mut sum = Matrix::zeros(self.stride, self.stride);
                let rows = &self.values[range.start * self.stride..range.end * self.stride];
                arch.dispatch(AddOuter { rows, stride: self.stride, sum: &mut sum.values });
                sum
            },
        );
        let mut gram = Matrix::zeros(self.stride, self.stride);
        for part in parts {
            gram.values.iter_mut().zip(&part.values).for_each(|(sum, part)| *sum += part);
        }
        let stride = self.stride;
        for row in 0..stride {
            (0..row).for_each(|column| gram.values[row * stride + column] = gram.values[column * stride + row]);
            gram.values[row * stride + row] += ridge;
        }
        gram
    }

    /// Products of `vector` (with its padding) with the rows, in their order.
    pub fn dots(&self, vector: &[f32], rows: impl Iterator<Item = usize>, mut out: impl FnMut(f32)) {
        struct Dots<'a, I, F>(&'a Matrix, &'a [f32], I, F);
        impl<I: Iterator<Item = usize>, F: FnMut(f32)> pulp::WithSimd for Dots<'_, I, F> {
            type Output = ();
            #[inline(always)]
            fn with_simd<S: Simd>(mut self, simd: S) {
                for row in self.2 {
                    (self.3)(dot(simd, self.0.row(row), self.1));
                }
            }
        }
        pulp::Arch::new().dispatch(Dots(self, vector, rows, &mut out));
    }
}

/// The product of two vectors of whole registers.
#[inline(always)]
pub fn dot<S: Simd>(simd: S, a: &[f32], b: &[f32]) -> f32 {
    let (a, _) = S::as_simd_f32s(a);
    let (b, _) = S::as_simd_f32s(b);
    let mut sums = [simd.splat_f32s(0.0); 2];
    let (mut of_a, mut of_b) = (a.chunks_exact(2), b.chunks_exact(2));
    for (a, b) in (&mut of_a).zip(&mut of_b) {
        sums[0] = simd.mul_add_e_f32s(a[0], b[0], sums[0]);
        sums[1] = simd.mul_add_e_f32s(a[1], b[1], sums[1]);
    }
    for (a, b) in of_a.remainder().iter().zip(of_b.remainder()) {
        sums[0] = simd.mul_add_e_f32s(*a, *b, sums[0]);
    }
    simd.reduce_sum_f32s(simd.add_f32s(sums[0], sums[1]))
}

/// `to += factor * from`, of whole registers.
#[inline(always)]
pub fn add_scaled<S: Simd>(simd: S, to: &mut [f32], factor: f32, from: &[f32]) {
    let factor = simd.splat_f32s(factor);
    let (to, _) = S::as_mut_simd_f32s(to);
    let (from, _) = S::as_simd_f32s(from);
    for (to, from) in to.iter_mut().zip(from) {
        *to = simd.mul_add_e_f32s(factor, *from, *to);
    }
}

/// `out = matrix * vector` for a symmetric matrix, of whole registers.
#[inline(always)]
pub fn symmetric_product<S: Simd>(simd: S, matrix: &[f32], vector: &[f32], out: &mut [f32]) {
    let (out, _) = S::as_mut_simd_f32s(out);
    let lanes = S::F32_LANES;
    let mut first = 0;
    while first < out.len() {
        let block = (out.len() - first).min(8);
        if block == 8 {
            columns::<S, 8>(simd, matrix, vector, first * lanes, &mut out[first..first + 8]);
        } else {
            for (place, out) in out[first..].iter_mut().enumerate() {
                columns::<S, 1>(simd, matrix, vector, (first + place) * lanes, std::slice::from_mut(out));
            }
        }
        first += block;
    }
}

/// The first `N` registers of a vector. Their number is known while compiling, so that sums over them stay in registers.
#[inline(always)]
fn registers<S: Simd, const N: usize>(values: &[f32]) -> &[S::f32s; N] {
    let (all, _) = S::as_simd_f32s(&values[..N * S::F32_LANES]);
    all.first_chunk().expect("invariant: so many numbers make N registers")
}

/// `N` registers of [`symmetric_product`] from column `start` on.
#[inline(always)]
fn columns<S: Simd, const N: usize>(simd: S, matrix: &[f32], vector: &[f32], start: usize, out: &mut [S::f32s]) {
    let mut sums = [simd.splat_f32s(0.0); N];
    for (row, &factor) in matrix.chunks_exact(vector.len()).zip(vector) {
        let factor = simd.splat_f32s(factor);
        let row: &[S::f32s; N] = registers::<S, N>(&row[start..]);
        for (sum, part) in sums.iter_mut().zip(row) {
            *sum = simd.mul_add_e_f32s(factor, *part, *sum);
        }
    }
    out.copy_from_slice(&sums);
}

/// Adds the upper half of all rows' outer products.
struct AddOuter<'a> {
    rows: &'a [f32],
    stride: usize,
    sum: &'a mut [f32],
}

/// Rows of the sum that are held in registers at once.
const TILE: usize = 4;

impl pulp::WithSimd for AddOuter<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (stride, lanes) = (self.stride, S::F32_LANES);
        // A few rows at a time stay in the nearest cache for all tiles of the sum.
        for rows in self.rows.chunks(64 * stride) {
            for top in (0..stride).step_by(TILE) {
                let mut left = top / lanes * lanes;
                while left < stride {
                    let wide = left + 2 * lanes <= stride;
                    let tile = Tile { rows, stride, top, left };
                    if wide {
                        tile.add::<S, 2>(simd, self.sum);
                    } else {
                        tile.add::<S, 1>(simd, self.sum);
                    }
                    left += if wide { 2 * lanes } else { lanes };
                }
            }
        }
    }
}

struct Tile<'a> {
    rows: &'a [f32],
    stride: usize,
    top: usize,
    left: usize,
}

impl Tile<'_> {
    #[inline(always)]
    fn add<S: Simd, const N: usize>(&self, simd: S, sum: &mut [f32]) {
        let mut sums = [[simd.splat_f32s(0.0); N]; TILE];
        let width = N * S::F32_LANES;
        for row in self.rows.chunks_exact(self.stride) {
            let right: &[S::f32s; N] = registers::<S, N>(&row[self.left..]);
            for (place, sums) in sums.iter_mut().enumerate() {
                let factor = simd.splat_f32s(row[self.top + place]);
                for (sum, part) in sums.iter_mut().zip(right) {
                    *sum = simd.mul_add_e_f32s(factor, *part, *sum);
                }
            }
        }
        for (place, sums) in sums.iter().enumerate() {
            let start = (self.top + place) * self.stride + self.left;
            let (to, _) = S::as_mut_simd_f32s(&mut sum[start..start + width]);
            for (to, sum) in to.iter_mut().zip(sums) {
                *to = simd.add_f32s(*to, *sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Check<'a>(&'a Matrix, &'a [f32]);

    impl pulp::WithSimd for Check<'_> {
        type Output = (f32, Vec<f32>, Vec<f32>);

        fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
            let mut product = vec![0.0; self.0.stride];
            symmetric_product(simd, &self.0.values, self.1, &mut product);
            let mut sum = self.1.to_vec();
            add_scaled(simd, &mut sum, 2.0, self.0.row(1));
            (dot(simd, self.0.row(0), self.1), product, sum)
        }
    }

    #[test]
    fn products_agree_with_plain_loops() {
        for width in [1, 15, 16, 17, 40, 64, 130] {
            let matrix = Matrix::random(70, width, 1.0, true, 7);
            let gram = matrix.gram(0.5, 3);
            let stride = matrix.stride();
            let near = |got: f32, want: f32| assert!((got - want).abs() < 1e-3, "{got}, not {want}, width {width}");
            for (a, b) in [(0, 0), (0, width - 1), (width / 2, 0), (width - 1, width - 1)] {
                let plain: f32 = (0..70).map(|row| matrix.row(row)[a] * matrix.row(row)[b]).sum();
                near(gram.row(a)[b], plain + if a == b { 0.5 } else { 0.0 });
            }
            let vector = matrix.row(69).to_vec();
            let (dot, product, sum) = pulp::Arch::new().dispatch(Check(&gram, &vector));
            near(dot, gram.row(0).iter().zip(&vector).map(|(a, b)| a * b).sum());
            for row in [0, width - 1, stride - 1] {
                near(product[row], gram.row(row).iter().zip(&vector).map(|(a, b)| a * b).sum());
                near(sum[row], vector[row] + 2.0 * gram.row(1)[row]);
            }
            let mut dots = Vec::new();
            matrix.dots(&vector, [3, 5].into_iter(), |dot| dots.push(dot));
            near(dots[1], matrix.row(5).iter().zip(&vector).map(|(a, b)| a * b).sum());
        }
    }
}
