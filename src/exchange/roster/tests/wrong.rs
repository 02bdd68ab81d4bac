//! Cells that are wrong, one a row, and what must be said of them.

use crate::domain::roster::RosterFile::{self, *};

/// (file, row, column, value, part of the reason)
pub const CELLS: &[(RosterFile, &str, &str, &str, &str)] = &[
    (Places, ",长元社区,village,T1,1", "code", "", "write a code"),
    (Places, "村 1,长元社区,village,T1,1", "code", "村 1", "not a code"),
    (Places, "V1,,village,T1,1", "name", "", "write a name"),
    (Places, "V1,长元社区,社区,T1,1", "kind", "社区", "one of county, town"),
    (Places, "V1,长元社区,village,,1", "parent_code", "", "only the county"),
    (Places, "C,余姚市,county,X,1", "parent_code", "X", "root"),
    (Places, "V1,长元社区,village,T1,一", "ord", "一", "digits only"),
    (Humans, "H1,王建国,1380000123O", "phones", "1380000123O", "holds 'O'"),
    (Humans, "H1,王\0建国,", "name", "王\0建国", "U+0000"),
    (Duties, "G1,H1,网格长,1", "role", "网格长", "one of building_leader"),
    (Absences, "H1,7月1日,2026-07-02T00:00:00+08:00", "from", "7月1日", "write it as 2026"),
    (
        Absences,
        "H1,2026-07-02T00:00:00+08:00,2026-07-01T00:00:00+08:00",
        "until",
        "2026-07-01T00:00:00+08:00",
        "ends before",
    ),
    (Households, "F1,flat,王家,S1,3,301,2,,,", "kind", "flat", "home, unit"),
    (Households, "F1,home,王家,S1,三,301,2,,,", "floor", "三", "digits only"),
    (Households, "F1,home,王家,S1,3,301,-2,,,", "persons", "-2", "0 to 20000"),
    (Households, "F1,home,王家,S1,3,301,2,deaf;聋,,", "needs", "deaf;聋", "\"聋\""),
    (Households, "F1,home,王家,S1,3,301,2,,oxygen,", "categories", "oxygen", "\"oxygen\""),
    (Persons, "P1,F1,王阿婆,1066,", "birth_year", "1066", "1900 to 2100"),
    (Addresses, "F1,sms,138000012,1,,", "number", "138000012", "too few digits"),
    (Addresses, "F1,sms,,1,,", "number", "", "empty"),
    (Addresses, "F1,sms,0574-62123456,1,,", "lane", "sms", "takes no SMS"),
    (Addresses, "F1,wechat,13800001234,1,,", "lane", "wechat", "sms, voice"),
    (Zones, "Z1,姚江北岸,flood,很快,向北,四明小学,", "minutes_to_water", "很快", "digits"),
    (ZoneMembers, "Z1,B1,F1", "place_code", "B1", "either"),
    (ZoneMembers, "Z1,,", "place_code", "", "either"),
];
