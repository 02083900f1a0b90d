//! Every endpoint with every status code of the Swagger text.

use anyhow::{Context, Result, ensure};
use muster_testkit::skip;
use muster_tests::client::send;

use super::{
    cases::case,
    house::House,
    shapes,
    swagger::{Row, rows, text},
};

/// Rows there are: the suite is not to pass because it found none.
const ROWS: usize = 5 + 6 + 2 * 7 + 5 + 3 * 7;

#[tokio::test]
async fn every_endpoint_answers_with_every_status_of_its_description() -> Result<()> {
    let rows = match text() {
        Ok(text) => rows(&text),
        Err(reason) => {
            skip("the table of endpoints and status codes", &reason);
            return Ok(());
        }
    };
    ensure!(rows.len() == ROWS, "{} rows: {rows:#?}", rows.len());
    let house = House::open().await?;
    house.get_into_trouble().await?;
    let mut failed = Vec::new();
    for row in &rows {
        if let Err(error) = check(&house, row).await.context(row.to_string()) {
            failed.push(format!("{error:#}"));
        }
    }
    ensure!(failed.is_empty(), "{failed:#?}");
    Ok(())
}

async fn check(house: &House, row: &Row) -> Result<()> {
    let ask = case(house, row).await?;
    let before = house.told().await?;
    let answer = send(ask.request(house)?).await?;
    ensure!(
        answer.status == row.status,
        "{} {}",
        answer.status,
        answer.text()
    );
    shapes::check(&row.body, &answer).with_context(|| answer.text())?;
    if answer.status.is_success() {
        return Ok(());
    }
    let after = house.told().await?;
    ensure!(before == after, "what is refused has changed something");
    Ok(())
}
