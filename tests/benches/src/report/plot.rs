//! A plot as SVG: on white, so that it can be read on a dark page too.

use doorbell_bench::{Plot, Series};
use plotters::prelude::*;

use super::ReportError;
use super::axis::Axis;

const SIZE: (u32, u32) = (860, 440);
const FONT: &str = "sans-serif";

/// Points are drawn on lines that have few.
const POINTS: usize = 40;

/// Told apart by those who do not see all colours, in this order (Okabe and Ito).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];

/// Draws `plot`.
pub(super) fn svg(plot: &Plot) -> Result<String, ReportError> {
    let points = || plot.series.iter().flat_map(|series| &series.points);
    if points().next().is_none() {
        return Err(ReportError::EmptyPlot(plot.name.clone()));
    }
    let x = Axis::over(plot.x_scale, points().map(|point| point.0));
    let y = Axis::over(plot.y_scale, points().map(|point| point.1));
    plot.series.iter().try_for_each(|series| placed(plot, series, &x, &y))?;
    let mut svg = String::new();
    draw(&mut svg, plot, x, y)
        .map_err(|error| ReportError::Undrawn { plot: plot.name.clone(), reason: error.to_string() })?;
    Ok(svg)
}

/// Refuses a point that is nowhere on the axes: left out, it would look as if there were nothing to show.
fn placed(plot: &Plot, series: &Series, x_axis: &Axis, y_axis: &Axis) -> Result<(), ReportError> {
    let lost = |&&(x, y): &&(f64, f64)| x_axis.place(x).is_none() || y_axis.place(y).is_none();
    match series.points.iter().find(lost) {
        None => Ok(()),
        Some(&(x, y)) => {
            let (plot, series) = (plot.name.clone(), series.name.clone());
            Err(ReportError::Unplottable { plot, series, x, y })
        }
    }
}

fn draw(svg: &mut String, plot: &Plot, x: Axis, y: Axis) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let legend = emptiest_corner(plot, &x, &y);
    let mut chart = ChartBuilder::on(&area)
        .margin(14)
        .margin_right(34)
        .x_label_area_size(48)
        .y_label_area_size(84)
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .x_desc(&plot.x)
        .y_desc(&plot.y)
        .axis_desc_style((FONT, 15))
        .label_style((FONT, 13))
        .light_line_style(TRANSPARENT)
        .draw()?;
    for (series, colour) in plot.series.iter().zip(COLOURS.into_iter().cycle()) {
        if series.points.len() <= POINTS {
            chart.draw_series(series.points.iter().map(|&point| Circle::new(point, 3, colour.filled())))?;
        }
        chart
            .draw_series(LineSeries::new(series.points.iter().copied(), colour.stroke_width(2)))?
            .label(&series.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(3)));
    }
    chart
        .configure_series_labels()
        .label_font((FONT, 13))
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .position(legend)
        .draw()?;
    Ok(area.present()?)
}

/// Where the legend hides least.
fn emptiest_corner(plot: &Plot, x: &Axis, y: &Axis) -> SeriesLabelPosition {
    let parts: Vec<_> = plot
        .series
        .iter()
        .flat_map(|series| &series.points)
        .map(|point| (x.part(point.0), y.part(point.1)))
        .collect();
    let hidden = |right: bool, upper: bool| {
        let near = |part: f64, far_end: bool| if far_end { part > 0.6 } else { part < 0.4 };
        parts.iter().filter(|part| near(part.0, right) && near(part.1, upper)).count()
    };
    let corners = [
        (hidden(false, true), SeriesLabelPosition::UpperLeft),
        (hidden(true, true), SeriesLabelPosition::UpperRight),
        (hidden(true, false), SeriesLabelPosition::LowerRight),
        (hidden(false, false), SeriesLabelPosition::LowerLeft),
    ];
    let emptiest = corners.into_iter().min_by_key(|(hidden, _)| *hidden);
    emptiest.map_or(SeriesLabelPosition::UpperLeft, |(_, corner)| corner)
}

#[cfg(test)]
mod tests {
    use doorbell_bench::Scale;

    use super::*;

    fn plot(points: Vec<(f64, f64)>) -> Plot {
        Plot {
            name: "tiny".to_owned(),
            caption: "Two points.".to_owned(),
            x: "runtimes".to_owned(),
            y: "dollars a month".to_owned(),
            x_scale: Scale::Logarithmic,
            y_scale: Scale::Linear,
            series: vec![Series { name: "containers".to_owned(), points }],
        }
    }

    #[test]
    fn it_says_what_its_axes_and_lines_are() {
        let svg = svg(&plot(vec![(1.0, 2.0), (1000.0, 4.0)])).unwrap();
        for label in ["runtimes", "dollars a month", "containers", "1,000"] {
            let text = svg.lines().any(|line| line.trim() == label);
            assert!(text, "{label} is not in {svg}");
        }
    }

    #[test]
    fn it_is_on_white() {
        let svg = svg(&plot(vec![(1.0, 2.0)])).unwrap();
        let background =
            r##"<rect x="0" y="0" width="860" height="440" opacity="1" fill="#FFFFFF" stroke="none"/>"##;
        assert_eq!(svg.lines().nth(1), Some(background));
    }

    #[test]
    fn equal_values_are_drawn() {
        svg(&plot(vec![(10.0, 0.0), (10.0, 0.0)])).unwrap();
    }

    #[test]
    fn a_value_without_a_place_is_refused_by_name() {
        for point in [(0.0, 1.0), (1.0, f64::NAN), (-1.0, 1.0), (1.0, f64::INFINITY)] {
            let error = svg(&plot(vec![(1.0, 1.0), point])).unwrap_err().to_string();
            assert!(error.starts_with("the plot tiny cannot show"), "{error}");
        }
    }

    #[test]
    fn a_plot_without_points_is_refused() {
        assert!(matches!(svg(&plot(Vec::new())), Err(ReportError::EmptyPlot(name)) if name == "tiny"));
    }
}
