//! The reliability diagram (DeGroot and Fienberg 1983) as SVG.

use std::fmt::Write;

use super::quality::{BINS, Quality};

const SIDE: f64 = 400.0;
const MARGIN: f64 = 48.0;

/// Bars of what was observed over what was stated, the diagonal of perfect calibration, and below it how many answers
/// each bar stands for. `title` may be any text.
pub fn reliability_svg(title: &str, quality: &Quality) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\" role=\"img\">\n<title>{title}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        width = SIDE + 2.0 * MARGIN,
        height = SIDE + 2.0 * MARGIN + 60.0,
        title = escaped(title),
    );
    let most = quality.bins.iter().map(|bin| bin.n).max().unwrap_or(1).max(1) as f64;
    let width = SIDE / BINS as f64;
    for (place, bin) in quality.bins.iter().enumerate().filter(|(_, bin)| bin.n > 0) {
        let x = MARGIN + place as f64 * width;
        let (tall, gap) = (SIDE * bin.observed, SIDE * (bin.stated - bin.observed));
        bar(&mut svg, x, MARGIN + SIDE - tall, width, tall, "#3b78b8");
        bar(&mut svg, x, MARGIN + SIDE - tall - gap.max(0.0), width, gap.abs(), "#d9534f88");
        let share = 40.0 * bin.n as f64 / most;
        bar(&mut svg, x, MARGIN * 2.0 + SIDE + 44.0 - share, width, share, "#999");
    }
    let (start, end) = (MARGIN, MARGIN + SIDE);
    line(&mut svg, (start, end), (end, start), "#555", "4 4");
    line(&mut svg, (start, end), (end, end), "#000", "");
    line(&mut svg, (start, end), (start, start), "#000", "");
    for tick in 0..=5 {
        let at = f64::from(tick) / 5.0;
        text(&mut svg, start + SIDE * at, end + 16.0, "middle", &format!("{at:.1}"));
        text(&mut svg, start - 6.0, end - SIDE * at + 4.0, "end", &format!("{at:.1}"));
    }
    text(&mut svg, start + SIDE / 2.0, end + 34.0, "middle", "stated probability of the top option");
    text(&mut svg, start, start - 26.0, "start", &escaped(title));
    let figures = format!(
        "n {}, observed hit@1 {:.4}, log loss {:.4}, ECE {:.4}, Brier {:.4}",
        quality.n, quality.hit_at_1, quality.log_loss, quality.ece, quality.brier
    );
    text(&mut svg, start, start - 10.0, "start", &figures);
    svg.push_str("</svg>\n");
    svg
}

fn bar(svg: &mut String, x: f64, y: f64, width: f64, height: f64, fill: &str) {
    let written = writeln!(
        svg,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{height:.1}\" fill=\"{fill}\"/>",
        width - 1.0
    );
    written.expect("invariant: writing into a string does not fail");
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64), stroke: &str, dashes: &str) {
    let written = writeln!(
        svg,
        "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"{stroke}\" stroke-dasharray=\"{dashes}\"/>",
        from.0, from.1, to.0, to.1
    );
    written.expect("invariant: writing into a string does not fail");
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, words: &str) {
    let written = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>");
    written.expect("invariant: writing into a string does not fail");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::Case;

    #[test]
    fn shows_every_bin_and_escapes_its_title() {
        let case = |p: f64, answer| Case { probabilities: vec![p, 1.0 - p], answer };
        let quality = Quality::of(&[case(0.9, 0), case(0.6, 1), case(0.6, 0)]);
        let svg = reliability_svg("a <b> & c", &quality);
        assert!(svg.contains("<title>a &lt;b&gt; &amp; c</title>") && svg.ends_with("</svg>\n"));
        assert_eq!(svg.matches("#3b78b8").count(), 2, "two bins hold something");
        assert!(!reliability_svg("", &Quality::of(&[])).contains("NaN"));
    }
}
