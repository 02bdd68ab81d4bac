//! A cry for help that nobody takes climbs past the duty room's first number, with the true time.

use crate::plant::{
    COMMUNITY_HEAD, DUTY_ROOM, HOME, STREET_DUTY, home_number, human_number, plant_number,
};
use crate::town::{Setup, Town, on_both};

const SECOND_ON_DUTY: i64 = 5;

fn second_number() -> String {
    human_number(DUTY_ROOM + 700)
}

/// A second person on duty, and a second number of the first.
async fn staff(town: &Town) {
    let human =
        format!("INSERT INTO human (id, code, name) VALUES ({SECOND_ON_DUTY}, 'h5', '副值')");
    let duty = format!(
        "INSERT INTO duty (place_id, human_id, role, ord) VALUES (1, {SECOND_ON_DUTY}, 6, 2)"
    );
    town.break_in(&human).await;
    town.break_in(&duty).await;
    let (store, sealer) = (&town.engine.store, &town.engine.sealer);
    plant_number(store, sealer, SECOND_ON_DUTY, 1, &human_number(SECOND_ON_DUTY)).await;
    plant_number(store, sealer, DUTY_ROOM, 2, &second_number()).await;
}

/// Minutes after `since` and minutes said, of every reminder to a number.
fn reminded(town: &Town, number: &str, since: i64) -> Vec<(i64, String)> {
    let texts = town.taken().into_iter().filter(|e| e.to == number && e.text.contains("没人受理"));
    texts
        .map(|e| {
            let said = e.text.split("件求助").nth(1).and_then(|t| t.split("没人").next());
            ((e.at_ms - since) / 60_000, said.unwrap_or_default().to_owned())
        })
        .collect()
}

#[tokio::test]
async fn a_cry_for_help_climbs_until_somebody_takes_it() {
    on_both(Setup::default(), async |town| {
        staff(&town).await;
        town.flood_order().await;
        town.minutes(2).await;
        let since = town.now();
        town.says(&home_number(HOME + 1), "水进屋了，救命").await;
        town.minutes(12).await;
        let at = |minutes: &[i64]| -> Vec<(i64, String)> {
            minutes.iter().map(|m| (*m, format!("已{m}分钟"))).collect()
        };
        let heard = |human| reminded(&town, &human_number(human), since);
        assert_eq!(heard(DUTY_ROOM), at(&[1, 3, 5, 7, 9, 11]));
        assert_eq!(heard(SECOND_ON_DUTY), at(&[3]));
        assert_eq!(reminded(&town, &second_number(), since), at(&[5]));
        assert_eq!((heard(STREET_DUTY), heard(COMMUNITY_HEAD)), (at(&[7]), at(&[9])));
        // That nobody took it at the first call is kept, once.
        let kept = "SELECT count(*) FROM journal WHERE act = 'task.unanswered'";
        assert_eq!(town.count(kept).await, 1);
        // In somebody's hand nobody is called; let lie for its hour, it is called out again.
        let task: Vec<(String,)> = town.rows("SELECT uid FROM task WHERE kind = 1").await;
        town.engine.take_task(&town.approver, &task[0].0, None).await.unwrap();
        town.minutes(59).await;
        assert_eq!(heard(DUTY_ROOM).len(), 6);
        town.minutes(4).await;
        let again = heard(DUTY_ROOM)[6..].to_vec();
        assert_eq!(again, [(72, "还".to_owned()), (74, "已2分钟".to_owned())]);
        town
    })
    .await;
}

#[tokio::test]
async fn with_an_empty_duty_room_a_cry_goes_to_the_street() {
    on_both(Setup::default(), async |town| {
        town.flood_order().await;
        town.minutes(2).await;
        let away = format!(
            "INSERT INTO absence (human_id, from_at, until_at) VALUES ({DUTY_ROOM}, 0, {})",
            town.now() * 2
        );
        town.break_in(&away).await;
        let since = town.now();
        town.says(&home_number(HOME + 1), "要人帮").await;
        town.minutes(11).await;
        let street = reminded(&town, &human_number(STREET_DUTY), since);
        let minutes: Vec<i64> = street.iter().map(|(at, _)| *at).collect();
        assert_eq!(minutes, [5, 10], "{street:?}");
        assert_eq!(reminded(&town, &human_number(DUTY_ROOM), since), []);
        town
    })
    .await;
}
