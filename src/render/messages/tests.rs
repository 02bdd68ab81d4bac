//! Every text with its samples and what comes of it, read as a resident would.
use super::*;
#[test]
fn dump() {
    let m = Messages::embedded().unwrap();
    for t in m.templates() {
        let vars: BTreeMap<String, String> = t
            .variables
            .iter()
            .map(|v| (v.name.into(), v.sample.into()))
            .collect();
        let vars2: BTreeMap<String, String> = t
            .variables
            .iter()
            .filter(|v| v.required)
            .map(|v| (v.name.into(), v.sample.into()))
            .collect();
        for (vars, demand, audience, version) in [
            (&vars2, Demand::Evacuation, Audience::Household, 1),
            (&vars2, Demand::Upstairs, Audience::Several(4), 1),
            (&vars2, Demand::Receipt, Audience::Household, 2),
            (&vars, Demand::Evacuation, Audience::Several(4), 1),
            (&vars, Demand::Inform, Audience::Household, 1),
            (&vars, Demand::Safety, Audience::Household, 1),
            (
                &vars,
                Demand::Evacuation,
                Audience::AbsentRelative {
                    name: "您母亲王阿婆",
                },
                1,
            ),
            (
                &vars2,
                Demand::Upstairs,
                Audience::AbsentRelative {
                    name: "您母亲王阿婆",
                },
                1,
            ),
            (
                &vars2,
                Demand::Receipt,
                Audience::AbsentRelative {
                    name: "您母亲王阿婆",
                },
                1,
            ),
        ] {
            let r = m
                .resident(&ResidentText {
                    signature: "余姚市防指",
                    template: t.name,
                    vars,
                    demand,
                    audience,
                    exercise: false,
                    version,
                    issued_at_ms: 1_784_988_600_000,
                    merged: &[],
                })
                .unwrap();
            println!("{} {} {}", t.name, r.chars().count(), r);
        }
    }
}
