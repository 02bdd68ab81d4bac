//! The list of resident texts with their variables: what the compose form, the command line and
//! the check of variables go by. The sentences themselves stand in the template files.

use crate::domain::demand::Demand;

/// Whose word a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// An order or notice of the headquarters: no colour.
    Own,
    /// A warning of its sole issuer, copied.
    Forwarded,
}

/// The text by which an order is taken back.
pub const CORRECTION: &str = "correction";

/// One variable an author fills in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VariableInfo {
    pub name: &'static str,
    pub title_zh: &'static str,
    pub required: bool,
    /// A short value that reads well in the text.
    pub sample: &'static str,
    /// At most so many UTF-16 units.
    pub max_units: usize,
}

/// One resident text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemplateInfo {
    pub name: &'static str,
    pub title_zh: &'static str,
    pub origin: Origin,
    /// The strongest demand that makes sense with this text.
    pub strongest: Demand,
    pub variables: &'static [VariableInfo],
    pub(super) source: &'static str,
}

impl TemplateInfo {
    /// The names of its variables, in the order of the form.
    pub fn variable_names(&self) -> Vec<&'static str> {
        self.variables.iter().map(|variable| variable.name).collect()
    }
}

const fn must(
    name: &'static str,
    title_zh: &'static str,
    sample: &'static str,
    max_units: usize,
) -> VariableInfo {
    VariableInfo { name, title_zh, required: true, sample, max_units }
}

const fn may(
    name: &'static str,
    title_zh: &'static str,
    sample: &'static str,
    max_units: usize,
) -> VariableInfo {
    VariableInfo { name, title_zh, required: false, sample, max_units }
}

macro_rules! source {
    ($name:literal) => {
        include_str!(concat!("../../templates/messages/zh-CN/residents/", $name, ".j2"))
    };
}

const ISSUER: VariableInfo = must("issuer", "发布单位", "余姚市气象台", 30);
const ISSUED: VariableInfo = must("issued", "发布时间（照原文）", "14日10时30分", 24);
const BY: VariableInfo = may("by", "要走的几点前走", "3点", 16);
const SHELTER: VariableInfo = may("shelter", "要走的去哪里", "四明小学", 24);

const fn here(sample: &'static str) -> VariableInfo {
    may("here", "不用走的怎么办", sample, 60)
}

/// Every resident text there is.
pub(super) static TEMPLATES: [TemplateInfo; 8] = [
    TemplateInfo {
        name: "move_order",
        title_zh: "转移指令",
        origin: Origin::Own,
        strongest: Demand::Evacuation,
        variables: &[
            must("by", "几点前", "3点", 16),
            must("shelter", "去哪里", "四明小学", 24),
            may("zone", "哪里的人要走", "南雷路沿河一楼", 30),
        ],
        source: source!("move_order"),
    },
    TemplateInfo {
        name: "dam_release",
        title_zh: "放水预警",
        origin: Origin::Own,
        strongest: Demand::Evacuation,
        variables: &[
            must("source", "哪个水库", "四明湖水库", 20),
            must("at", "几点放水", "下午3点", 16),
            must("river", "哪条河涨水", "姚江", 20),
            may("by", "几点前离开", "2点半", 16),
            may("shelter", "去哪里", "四明小学", 24),
        ],
        source: source!("dam_release"),
    },
    TemplateInfo {
        name: "return_notice",
        title_zh: "返回通知",
        origin: Origin::Own,
        strongest: Demand::Receipt,
        variables: &[
            must("place", "哪里的人可以回家", "南雷社区", 30),
            may("advice", "回家注意", "先通风，电工看过再合闸", 40),
        ],
        source: source!("return_notice"),
    },
    TemplateInfo {
        name: CORRECTION,
        title_zh: "更正",
        origin: Origin::Own,
        strongest: Demand::Evacuation,
        variables: &[
            must("wrong", "原来怎么说", "到四明小学", 30),
            may("right", "现在怎么说", "到东风小学", 40),
        ],
        source: source!("correction"),
    },
    TemplateInfo {
        name: "forwarded_typhoon",
        title_zh: "转发台风预警",
        origin: Origin::Forwarded,
        strongest: Demand::Evacuation,
        variables: &[
            ISSUER,
            ISSUED,
            must("title", "预警标题（照原文）", "台风橙色预警信号", 50),
            must("colour", "颜色（照原文）", "橙色", 2),
            here("阳台花盆收进屋，别在树下停车"),
            BY,
            SHELTER,
        ],
        source: source!("forwarded_typhoon"),
    },
    TemplateInfo {
        name: "forwarded_rainstorm",
        title_zh: "转发暴雨预警",
        origin: Origin::Forwarded,
        strongest: Demand::Evacuation,
        variables: &[
            ISSUER,
            ISSUED,
            must("title", "预警标题（照原文）", "暴雨红色预警信号", 50),
            must("colour", "颜色（照原文）", "红色", 2),
            here("地下车库别进，桥洞别走"),
            BY,
            SHELTER,
        ],
        source: source!("forwarded_rainstorm"),
    },
    TemplateInfo {
        name: "forwarded_flood",
        title_zh: "转发洪水预警",
        origin: Origin::Forwarded,
        strongest: Demand::Evacuation,
        variables: &[
            must("issuer", "发布单位", "宁波市水文站", 30),
            ISSUED,
            must("title", "预警标题（照原文）", "洪水黄色预警", 50),
            may("colour", "颜色（照原文，没有就空着）", "黄色", 2),
            here("姚江边别去，一楼东西搬上楼"),
            BY,
            SHELTER,
        ],
        source: source!("forwarded_flood"),
    },
    TemplateInfo {
        name: "public_notice",
        title_zh: "群众提示",
        origin: Origin::Own,
        strongest: Demand::Safety,
        variables: &[
            must("when", "什么时候", "今晚8点到明早6点", 24),
            must("place", "哪里", "南雷社区", 30),
            must("what", "什么事", "停水", 24),
            must("advice", "怎么办", "请先存好水", 40),
        ],
        source: source!("public_notice"),
    },
];

/// The text of that name.
pub(super) fn find(name: &str) -> Option<&'static TemplateInfo> {
    TEMPLATES.iter().find(|template| template.name == name)
}
