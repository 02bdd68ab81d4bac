// Whatever fetches a link without pressing anything takes nothing, says nothing, and where it says
// that it is a robot it sees nothing of anybody.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PHONE, look, press, shows } from "../eyes.mjs";

const ROBOTS = [
  "WhatsApp/2.23.20.0 A",
  "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
  "TelegramBot (like TwitterBot)",
  "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
  "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
  "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
  "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
  "Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (compatible; Bytespider)",
  "DingTalkBot-LinkService/1.0 (+https://open-doc.dingtalk.com)",
];
// People read in these; they get the page, and it takes nothing either.
const READERS = [
  "Mozilla/5.0 (Linux; Android 13; V2169A) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
    + "Chrome/116.0.0.0 Mobile Safari/537.36 XWEB/1160117 MMWEBSDK/20240301 "
    + "MicroMessenger/8.0.48.2580(0x28003036) WeChat/arm64 Weixin NetType/4G Language/zh_CN",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    + "Gecko) Mobile/15E148 MicroMessenger/8.0.42(0x18002a2f) NetType/WIFI Language/zh_CN",
  "Mozilla/5.0 (Linux; U; Android 12; zh-cn; M2012K11C) AppleWebKit/537.36 (KHTML, like Gecko) "
    + "Version/4.0 Chrome/100.0.4896.127 Mobile Safari/537.36 XiaoMi/MiuiBrowser/17.4.40",
  "",
];

export default (town) => {
  test("previews and plain looks at a list and at a home change nothing", async () => {
    const { office, eyes, alert } = town;
    const leader = office.leader(town.grids[3]);
    const list = await office.listPath(leader.numbers);
    const home = office.roster("households.csv").find(
      (row) => row.code.startsWith(town.grids[3]) && row.kind === "home",
    );
    const own = await office.homePath(alert, home.code);
    // The night goes on, and lists climb by themselves: only what these links could move counts.
    const moved = async () => {
      const { lists, audit } = await office.books(alert);
      const here = lists.filter((one) => one.place_code === town.grids[3]);
      const taken = here.filter((one) => one.state === "taken").length;
      return { taken, heard: audit.heard, answered: audit.answered };
    };
    const before = await moved();
    for (const userAgent of [...ROBOTS, ...READERS]) {
      const page = await eyes.someone({ size: PHONE, userAgent });
      for (const path of [list, own]) {
        await page.goto(path);
        await page.context().request.head(path);
        const text = await page.innerText("body");
        const shows = text.includes("我来接手") || text.includes("知道了");
        assert.equal(shows, READERS.includes(userAgent), `${userAgent}: ${text}`);
        if (ROBOTS.includes(userAgent)) assert.ok(!text.includes(home.name), text);
      }
      if (userAgent === ROBOTS[0]) await look(page, "link-preview", { touch: true, text: 14 });
      await page.context().close();
    }
    const ahead = await eyes.someone({ extraHTTPHeaders: { "Sec-Purpose": "prefetch" } });
    await ahead.goto(list);
    assert.doesNotMatch(await ahead.innerText("body"), /我来接手/);
    await ahead.context().close();
    assert.deepEqual(await moved(), before);
    const page = await eyes.someone({ size: PHONE, userAgent: ROBOTS[0] });
    await page.goto(list);
    await press(page, page.getByRole("link", { name: "打开" }));
    await shows(page.locator("main"), /我来接手/, "a person taken for a robot gets in");
    await page.context().close();
  });

  test("a link that opens nothing says what to do instead", async () => {
    const page = await town.eyes.someone({ size: PHONE });
    const answer = await page.goto("/l/0123456789ABC");
    assert.equal(answer.status(), 404);
    await look(page, "link-gone", { touch: true, text: 14 });
    await page.context().close();
  });
};
