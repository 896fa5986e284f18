//! JMeter: its samples as CSV. It exits with 0 whatever the samples say.

use anyhow::{Context, Result};

use super::product::{EVENT, Product};
use super::{Plan, RATE, SECS, Tally, csv};
use crate::commands::command;
use crate::tools;

pub(super) fn plan(product: &Product) -> Result<Plan> {
    let home = tools::jmeter()?;
    let report = product.folder().join("jmeter.jtl");
    let home = home.display();
    let mut command = command("java", &["-Djava.awt.headless=true"]);
    command.arg(format!("-Djmeter.home={home}"));
    command.arg("-cp").arg(format!("{home}/lib/ext/*:{home}/lib/*"));
    command.args(["org.apache.jmeter.NewDriver", "-n", "-t", "loadtest/jmeter/joins.jmx"]);
    command.arg("-l").arg(&report).arg("-j").arg(product.folder().join("jmeter.log"));
    // Without it the idle threads of its pool keep it alive for a minute.
    command.arg("-Jjmeterengine.force.system.exit=true");
    command.arg(format!("-Jbase={}", product.url())).arg(format!("-Jevent={EVENT}"));
    command.arg(format!("-Jrate={RATE}")).arg(format!("-Jduration={SECS}"));
    Ok(Plan { name: "plans-jmeter", command, report, read })
}

fn read(samples: &str) -> Result<Tally> {
    let mut tally = Tally::default();
    for sample in csv::records(samples) {
        if sample.get("success").context("a sample without `success`")? == "true" {
            tally.joins += 1;
        } else {
            tally.failed += 1;
            // The others most likely say the same.
            if tally.failed == 1 {
                println!("first that failed: {sample:#?}");
            }
        }
    }
    Ok(tally)
}

#[test]
fn samples_with_a_failed_assertion_are_no_joins() {
    let samples = "label,success,failureMessage\njoin,true,\njoin,false,\"202,\n\"\njoin,true,\n";
    assert_eq!(read(samples).expect("samples"), Tally { joins: 2, failed: 1 });
    assert!(read("label\njoin\n").is_err());
}
