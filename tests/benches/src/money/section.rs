//! The section of `BENCHMARKS.md`: the bill line by line, beside a server's, and what the design saves.

use doorbell_bench::{Block, Figures, Section, Table, number};

use super::bill::Bill;
use super::comparison;
use super::doorbell::{BEAT_S, Doorbell};
use super::measured::Measured;
use super::prices::Prices;
use super::savings::{self, Saving};
use crate::report::ReportError;

/// The section, of what the benches noted.
pub(crate) fn section(prices: &Prices, figures: &[&Figures]) -> Result<Section, ReportError> {
    let measured = Measured(figures);
    let doorbell = Doorbell::measured(&measured, prices)?;
    let month = Bill::of(doorbell.runtime_month(BEAT_S), prices);
    let questions = Bill::of(doorbell.question * 1e3, prices);
    let mut noted = Figures::default();
    noted.set("runtime_month_dollars", month.total());
    noted.set("thousand_questions_dollars", questions.total());
    let mut blocks = vec![Block::Text(introduction(prices))];
    blocks.extend(by_line(&month, &questions));
    blocks.extend(comparison::blocks(&doorbell, prices, &mut noted));
    blocks.extend(saved(&doorbell, &measured, prices)?);
    Ok(Section { title: "Money".to_owned(), blocks, figures: noted })
}

fn introduction(prices: &Prices) -> String {
    let Prices { currency, region, read, assumptions, .. } = prices;
    format!(
        "Units are counted, and functions' times measured, by the benches of this file. Prices are AWS's for {region} \
         in {currency}, read on {read}: [prices.toml](tests/benches/prices.toml) has each with its source, and what is \
         assumed, such as {} ms more for a call of DynamoDB than on loopback, a daemon with a token of its own for one \
         runtime, and {} questions a day for each. Functions' times are a whole core's, of which Lambda gives a function a \
         share. Left out are free tiers, storage, registrations, the log lines of metrics, which claims and ends have, and \
         tracing, which is off by default.",
        assumptions.network_ms, assumptions.questions_a_day,
    )
}

fn by_line(month: &Bill, questions: &Bill) -> Vec<Block> {
    let row = |line: &str, month_dollars: f64, question_dollars: f64| {
        let share = share(month_dollars, month);
        vec![line.to_owned(), number(month_dollars, 4), share, number(question_dollars, 4)]
    };
    let lines = month.0.iter().zip(&questions.0);
    let mut rows: Vec<_> = lines.map(|(month, question)| row(month.0, month.1, question.1)).collect();
    rows.push(row("together", month.total(), questions.total()));
    let (largest, dollars) = month.largest();
    let text = format!(
        "Of a runtime's month of heartbeats every {BEAT_S} s, *{largest}* is the largest line, with {}. A question is \
         the ring, its polls every half second for as long as an answer takes on average, what it adds to heartbeats, \
         and the report.",
        share(dollars, month),
    );
    let columns = ["line", "a runtime's month ($)", "share", "a thousand questions ($)"];
    vec![
        Block::Heading("Line by line".to_owned()),
        Block::Text(text),
        Block::Table(Table { columns: columns.map(str::to_owned).to_vec(), rows }),
    ]
}

fn share(dollars: f64, bill: &Bill) -> String {
    format!("{} %", number(dollars / bill.total() * 100.0, 1))
}

fn saved(doorbell: &Doorbell, measured: &Measured<'_>, prices: &Prices) -> Result<Vec<Block>, ReportError> {
    let text = "The bill as it would be with the other choice, less the bill as it is. Below zero, the choice costs \
                that much.";
    Ok(vec![
        Block::Heading("What each choice saves".to_owned()),
        Block::Text(text.to_owned()),
        Block::Table(table("a runtime's month ($)", &savings::of_heartbeats(doorbell, prices))),
        Block::Table(table("a thousand questions ($)", &savings::of_questions(measured, prices)?)),
    ])
}

fn table(of: &str, savings: &[Saving]) -> Table {
    let mut savings = savings.to_vec();
    savings.sort_by(|one, other| other.dollars.total_cmp(&one.dollars));
    let row = |saving: &Saving| vec![saving.choice.to_owned(), number(saving.dollars, 4)];
    Table { columns: vec!["choice".to_owned(), of.to_owned()], rows: savings.iter().map(row).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::round;

    #[test]
    fn the_largest_line_and_the_largest_saving_are_told_first() {
        let figures = round::figures();
        let section = section(&round::prices(), &[&figures]).unwrap();
        let text = section.to_string();
        assert!(text.contains("*Lambda, time* is the largest line"), "{text}");
        let savings = section.blocks.iter().filter_map(|block| match block {
            Block::Table(table) if table.columns[0] == "choice" => Some(&table.rows[0][0]),
            _ => None,
        });
        let first: Vec<_> = savings.collect();
        assert!(first[0].starts_with("API Gateway remembers"), "{first:?}");
    }

    #[test]
    fn the_published_prices_make_a_section_too() {
        let figures = round::figures();
        section(&Prices::published().unwrap(), &[&figures]).unwrap();
    }
}
