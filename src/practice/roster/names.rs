//! Names of people, made from common surnames of Zhejiang and common given characters by
//! generation. Any likeness with a living person is chance.

use super::chance::Chance;

/// Surnames by how often they are met, in a thousand.
const SURNAMES: &[(i64, &str)] = &[
    (80, "陈"),
    (75, "王"),
    (60, "张"),
    (48, "徐"),
    (45, "沈"),
    (42, "李"),
    (40, "吴"),
    (38, "胡"),
    (36, "黄"),
    (35, "周"),
    (34, "朱"),
    (32, "叶"),
    (30, "杨"),
    (30, "史"),
    (28, "鲁"),
    (28, "谢"),
    (26, "孙"),
    (24, "毛"),
    (24, "邵"),
    (22, "宋"),
    (22, "褚"),
    (20, "俞"),
    (20, "施"),
    (18, "钱"),
    (18, "方"),
    (16, "韩"),
    (16, "赵"),
    (15, "严"),
    (15, "应"),
    (14, "楼"),
    (14, "许"),
    (12, "翁"),
    (12, "郑"),
    (10, "夏"),
    (10, "戚"),
    (10, "洪"),
    (8, "诸"),
    (8, "魏"),
    (6, "龚"),
    (6, "郁"),
    (3, "诸葛"),
    (2, "欧阳"),
];
const OLD_WOMEN: &[&str] = &[
    "阿珍", "阿娣", "彩娟", "菊英", "秀英", "桂花", "水仙", "月娥", "梅芬", "杏芳", "银娣", "素珍",
    "凤仙", "阿毛", "利娟", "翠娥", "爱珍", "雪英",
];
const OLD_MEN: &[&str] = &[
    "建国", "阿根", "水根", "国良", "阿毛", "金土", "志明", "德康", "伯林", "永年", "关荣", "文良",
    "长根", "柏年", "炳炎", "岳泉", "仁甫", "阿水",
];
const GIVEN_WOMEN: &[&str] = &[
    "丽", "燕", "静", "芳", "敏", "娜", "晓红", "佳怡", "雅婷", "海燕", "丹", "梦洁", "欣怡",
    "婷婷", "思琪", "雨桐", "琳", "巧玲", "小芬", "君君", "诗涵", "莉莉",
];
const GIVEN_MEN: &[&str] = &[
    "伟", "强", "军", "磊", "杰", "涛", "立峰", "建波", "浩然", "宇轩", "俊杰", "文斌", "国栋",
    "海波", "凯", "晨", "旭东", "志豪", "鹏飞", "子涵", "一鸣", "迪",
];

/// A person's sex, as far as a name shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sex {
    Woman,
    Man,
}

impl Sex {
    /// Either, by chance.
    pub fn any(chance: &mut Chance) -> Sex {
        if chance.in_1000(500) { Sex::Woman } else { Sex::Man }
    }
}

/// A surname.
pub fn surname(chance: &mut Chance) -> &'static str {
    chance.weigh(SURNAMES)
}

/// A given name as people of that age bear it.
pub fn given(chance: &mut Chance, sex: Sex, age: i64) -> &'static str {
    let names = match (sex, age >= 60) {
        (Sex::Woman, true) => OLD_WOMEN,
        (Sex::Man, true) => OLD_MEN,
        (Sex::Woman, false) => GIVEN_WOMEN,
        (Sex::Man, false) => GIVEN_MEN,
    };
    chance.pick::<&'static str>(names)
}

/// A full name.
pub fn full(chance: &mut Chance, age: i64) -> String {
    let sex = Sex::any(chance);
    format!("{}{}", surname(chance), given(chance, sex, age))
}
